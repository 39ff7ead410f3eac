"""The hero page: what happened, what the system did about it, and the row that proves each step."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pandas as pd
import streamlit as st

from dashboards import charts
from dashboards.markup import STYLE, step_html
from dashboards.reader import About, Span
from dashboards.rows import Row, Rows, routes_of
from dashboards.timeline import Chain, chains
from dashboards.turns import placed, troubles, turning_points
from dashboards.wording import clock, duration, number, plain, routes, short, version_name
from schemas.learning import Route

SHOWN_CHAINS = 12
LATELY = timedelta(seconds=30)
_BADGES = {"breach": "red", "act": "gray", "good": "green", "bad": "red"}
_NOTE: dict[str, Any] = {"delta_color": "off", "delta_arrow": "off", "border": True}


def show(about: About, span: Span) -> None:
    """Draw the page for one app."""
    rows = about.story()
    told = chains(rows)
    versions = [chain for chain in told if chain.of_version]
    judged = _judged(about.windows(span))
    _headline(about.app, rows, versions, judged)
    _accuracy(rows, versions, judged)
    st.html(STYLE)
    st.subheader("From breach to served fix", anchor=False)
    if not versions:
        st.info("No version was ordered or proposed yet: no monitor with `then: [retrain]` was breached.")
    fix = next((chain for chain in versions if chain.outcome.fixed_after), None)
    for chain in versions[:SHOWN_CHAINS]:
        _chain(chain, expanded=chain in (versions[0], fix))
    _other_alerts([chain for chain in told if not chain.of_version])


def _other_alerts(alerts: Sequence[Chain]) -> None:
    """Draw the alerts that ordered nothing apart, so that a monitor that flaps does not bury the fixes."""
    if not alerts:
        return
    st.subheader("Alerts that ordered no retraining", anchor=False)
    for chain in alerts[:SHOWN_CHAINS]:
        _chain(chain, expanded=False)


def _judged(windows: pd.DataFrame) -> pd.DataFrame:
    """Return (at, variant, adapter_version, version, correct, judged, accuracy) of answers that users saw."""
    seen = windows[(windows["variant"] != "shadow") & (windows["feedback"] > 0)]
    return seen.assign(
        version=[version_name(version) for version in seen["adapter_version"]],
        judged=seen["feedback"],
        accuracy=seen["feedback_correct"] / seen["feedback"],
    )


def _headline(app: str, rows: Rows, told: Sequence[Chain], judged: pd.DataFrame) -> None:
    served, accuracy, alerts, fix = st.columns(4)
    table = routes_of(rows.rollouts[-1]) if rows.rollouts else ()
    stable = next((route.adapter_version for route in table if route.variant == "stable"), "")
    served.metric("Serving", short(stable, app), _who_answers(table, app), **_NOTE)
    value, note = _accuracy_now(judged, stable)
    accuracy.metric("Accuracy now", value, note, **_NOTE)
    firing = _firing(rows.alerts)
    alerts.metric("Open alerts", len(firing), ", ".join(firing) or "nothing is in breach", **_NOTE)
    fixed = next((chain for chain in told if chain.outcome.fixed_after), None)
    after = duration(fixed.outcome.fixed_after) if fixed and fixed.outcome.fixed_after else "none yet"
    fix.metric("Last fix", after, "from breach to promotion", **_NOTE)


def _who_answers(table: Sequence[Route], app: str) -> str:
    if len(table) > 1:
        return routes(table, app)
    return f"{version_name(table[0].adapter_version)} answers everyone" if table else "no version was trained yet"


def _accuracy_now(judged: pd.DataFrame, stable: str) -> tuple[str, str]:
    own = judged[(judged["variant"] == "stable") & (judged["adapter_version"] == stable)]
    if own.empty:
        return "none", "no judged answers in this span"
    last = own[own["at"] > own["at"].max() - LATELY]
    count = last["judged"].sum()
    share = last["feedback_correct"].sum() / count
    return f"{share:.1%}".replace("%", " %"), f"{count:.0f} judged answers since {clock(last['at'].min())}"


def _firing(alerts: Sequence[Row]) -> list[str]:
    last = {alert["alert_id"]: alert for alert in alerts}
    return sorted({alert["monitor"] for alert in last.values() if alert["state"] == "firing"})


def _accuracy(rows: Rows, told: Sequence[Chain], judged: pd.DataFrame) -> None:
    st.subheader("Accuracy of judged answers", anchor=False)
    if judged.empty:
        st.info("No judged answers in this span. Accuracy appears when feedback arrives at `POST /v1/feedback`.")
        return
    by = ["at", "version"]
    frame = judged.groupby(by, as_index=False)[["feedback_correct", "judged"]].sum()
    frame["accuracy"] = frame["feedback_correct"] / frame["judged"]
    since, until = frame["at"].min(), frame["at"].max() + timedelta(seconds=10)
    turns, end = placed(turning_points(told, since, until), since, until)
    chart = charts.accuracy(frame, turns, troubles(told, since, until), _limit(rows.alerts), end)
    st.altair_chart(chart, width="stretch", key="loop-accuracy")


def _limit(alerts: Sequence[Row]) -> pd.DataFrame:
    limits = {
        (a["threshold"], f"{a['monitor']}: {a['comparison']} {number(a['threshold'])}")
        for a in alerts
        if a["metric"] == "feedback.accuracy"
    }
    return pd.DataFrame(sorted(limits), columns=["value", "label"])


def _chain(chain: Chain, *, expanded: bool) -> None:
    outcome = chain.outcome
    badge = f":{_BADGES[outcome.tone]}-badge[{plain(outcome.verdict)}]"
    label = f"{badge} **{plain(outcome.title)}** :gray[· {clock(chain.origin)} UTC]"
    # The key keeps what a person opened or closed, whatever the label says meanwhile.
    with st.expander(label, expanded=expanded, key=f"chain-{chain.key}", on_change="rerun") as steps:
        if steps.open:
            with st.container(gap=None):
                for step in chain.steps:
                    st.html(step_html(step, chain))
