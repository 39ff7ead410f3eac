"""The hero page: what happened, what the system did about it, and the row that proves each step."""

from datetime import UTC, datetime, timedelta
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from dashboards import charts
from dashboards.reader import About
from dashboards.timeline import Chain, Rows, Step, chains

MINUTES = 60
SHOWN_CHAINS = 8
ICONS = {
    "breach": ":red[:material/error:]",
    "act": ":gray[:material/arrow_forward:]",
    "good": ":green[:material/check_circle:]",
    "bad": ":red[:material/block:]",
}
_TURNS = ("Breach", "Retraining ordered", "Gate", "Canary", "Promoted", "Rolled back")


def show(about: About) -> None:
    """Draw the page for one app."""
    rows = _rows(about)
    windows = about.windows(MINUTES)
    told = chains(rows)
    _headline(rows, windows, told)
    _accuracy(windows, told)
    st.subheader("From breach to served fix")
    if not told:
        st.info("Nothing has happened yet: no monitor was breached and no version was ordered or proposed.")
    for index, chain in enumerate(told[:SHOWN_CHAINS]):
        _chain(chain, expanded=index == 0)


def _rows(about: About) -> Rows:
    return Rows(
        alerts=about.rows("alerts"),
        deliveries=about.rows("alert_deliveries"),
        retrainings=about.rows("retrainings"),
        training_changes=about.rows("training_changes"),
        adapters=about.rows("adapters"),
        orders=about.rows("rollout_orders"),
        rollouts=about.rows("rollouts"),
        proposals=about.rows("adapter_proposals"),
    )


def _headline(rows: Rows, windows: pd.DataFrame, told: tuple[Chain, ...]) -> None:
    served, accuracy, alerts, fix = st.columns(4)
    served.metric("Serving", _served(rows.rollouts))
    stable = windows[(windows["variant"] == "stable") & (windows["feedback"] > 0)]
    last = (
        stable[stable["window_start"] >= stable["window_start"].max() - timedelta(seconds=30)]
        if len(stable)
        else stable
    )
    judged = float(last["feedback"].sum())
    accuracy.metric(
        "Accuracy, last judged 30 s", f"{last['feedback_correct'].sum() / judged:.1%}" if judged else "no feedback"
    )
    alerts.metric("Open alerts", _open_alerts(rows.alerts))
    fixes = [c for c in told if c.steps[0].tone == "breach" and c.steps[-1].title.startswith("Promoted")]
    fix.metric("Last fix: breach to promotion", _duration(_breach_to_promotion(fixes[0])) if fixes else "none yet")


def _served(rollouts: pd.DataFrame) -> str:
    done = rollouts[rollouts["state"] == "promoted"] if len(rollouts) else rollouts
    return str(done.iloc[-1]["adapter_version"]) if len(done) else "base model"


def _open_alerts(alerts: pd.DataFrame) -> int:
    return int((alerts.groupby("alert_id")["state"].last() == "firing").sum()) if len(alerts) else 0


def _breach_to_promotion(chain: Chain) -> timedelta:
    breached = chain.steps[0].evidence.get("breached_at", chain.began)
    return chain.steps[-1].at - breached if isinstance(breached, datetime) else chain.duration


def _accuracy(windows: pd.DataFrame, told: tuple[Chain, ...]) -> None:
    judged = windows[(windows["feedback"] > 0) & (windows["variant"] != "shadow")].copy()
    if judged.empty:
        st.info("No judged answers yet. Accuracy appears when feedback arrives at `POST /v1/feedback`.")
        return
    judged["accuracy"] = judged["feedback_correct"] / judged["feedback"]
    judged["version"] = judged["adapter_version"].replace("", "base model")
    base = charts.lines(
        judged, x="window_start", y="accuracy", by="version", title="accuracy of judged answers", domain=(0.0, 1.0)
    )
    turns = _turns(told, judged["window_start"].min())
    chart: Any = alt.layer(base, charts.marks(turns)).resolve_scale(color="independent") if len(turns) else base
    st.altair_chart(chart.properties(height=280), use_container_width=True)


def _turns(told: tuple[Chain, ...], since: datetime) -> pd.DataFrame:
    steps = sorted(
        (s for c in told for s in c.steps if s.title.startswith(_TURNS) and s.at >= since), key=lambda step: step.at
    )
    return pd.DataFrame(
        [
            {"at": s.at, "label": s.title.split(":")[0], "tone": s.tone, "height": 8 + 16 * (i % 5)}
            for i, s in enumerate(steps)
        ]
    )


def _chain(chain: Chain, *, expanded: bool) -> None:
    with st.expander(
        f"{ICONS[chain.outcome]} **{chain.title}** · {_clock(chain.began)} · {_duration(chain.duration)}",
        expanded=expanded,
    ):
        for index, step in enumerate(chain.steps):
            _step(step, step.at - chain.began, key=f"{chain.key}-{index}")


def _step(step: Step, after: timedelta, *, key: str) -> None:
    when, what, proof = st.columns([1.2, 6, 1.2], vertical_alignment="top")
    when.markdown(f":gray[+{after.total_seconds():.1f} s]")
    what.markdown(f"{ICONS[step.tone]} **{step.title}**  \n:gray[{_escaped(step.detail)}]")
    with proof.popover("Evidence", key=f"evidence-{key}"):
        st.caption(f"Row of `{step.table}`, id `{step.evidence['event_id']}`")
        st.json({name: _plain(value) for name, value in step.evidence.items()}, expanded=1)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)


def _escaped(text: str) -> str:
    return text.replace("$", r"\$").replace("[", r"\[").replace("]", r"\]").replace("~", r"\~")


def _clock(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%H:%M:%S UTC")


def _duration(span: timedelta) -> str:
    seconds = round(span.total_seconds())
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min {seconds % 60} s"
