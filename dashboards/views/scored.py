"""What the Safety and Quality pages share: rates with their intervals, one score looked at, scorers' health and cost.

Every rate stands for all calls, those that no scorer saw included: it is weighted by the inverse of each
call's chance (schemas.weighted_rates).
"""

from dataclasses import dataclass
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from dashboards import charts
from dashboards.charts import Axis
from dashboards.reader import About, Span
from dashboards.scores import charts as score_charts
from dashboards.scores.changes import changes_of
from dashboards.scores.rates import flagged_label, is_safety, percent, rates
from dashboards.scores.reader import ScoreReader
from dashboards.scores.shown_text import answer_of, prompt_of
from dashboards.views import try_it
from dashboards.wording import clock, number, version_name
from schemas.metrics import SCORES

SERIES = ["scorer", "adapter_version"]
_TIME = st.column_config.DatetimeColumn(format="HH:mm:ss", timezone="UTC")


@dataclass(frozen=True, slots=True)
class Room:
    """One of the two pages.

    Attributes:
        key: Prefix of its widgets' keys.
        safety: Whether it shows the scores of safety, or all others.
        empty: What it says when there is none.
    """

    key: str
    safety: bool
    empty: str


@dataclass(frozen=True, slots=True)
class _Score:
    """One score of the page: its name, the label whose share is told, and its sums."""

    name: str
    flagged: str
    sums: pd.DataFrame

    @property
    def rates(self) -> pd.DataFrame:
        """By scorer and adapter version."""
        return rates(self.sums, SERIES, self.flagged).assign(name=self.name, flagged=self.flagged)


def show(about: About, span: Span, room: Room) -> None:
    """Draw one of the pages for one app."""
    reader = ScoreReader(about, span)
    found = _scores(reader, room)
    if not found:
        st.info(room.empty)
    else:
        names = [score.name for score in found]
        _rates(found)
        _one(reader, found, room)
        _categories(reader, names)
        _scorers(reader, names)
    try_it.show(about.app, room.key)


def _scores(reader: ScoreReader, room: Room) -> list[_Score]:
    names = reader.names()
    sums = reader.sums(names) if names else pd.DataFrame(columns=["name", "label"])
    found = []
    for name in names:
        of_name = sums[sums["name"] == name]
        labels = sorted(set(of_name["label"]))
        if is_safety(name, labels) == room.safety:
            found.append(_Score(name, flagged_label(name, labels), of_name))
    return found


def _rates(found: list[_Score]) -> None:
    st.subheader("Rates", anchor=False)
    st.caption(
        "Of all calls, those that were not drawn for a scorer included; with the 95 % interval. "
        "A scorer's versions are never added up."
    )
    table = pd.concat([score.rates for score in found if len(score.sums)] or [pd.DataFrame()])
    if table.empty:
        st.caption("Nothing could be judged in this span.")
        return
    shown = pd.DataFrame(
        {
            "score": table["name"],
            "adapter version": [version_name(version) for version in table["adapter_version"]],
            "label": table["flagged"],
            "rate": [percent(rate) if pd.notna(rate) else "" for rate in table["rate"]],
            "95 % interval": [
                f"{percent(low)} to {percent(high)}" if pd.notna(low) else ""
                for low, high in zip(table["low"], table["high"], strict=True)
            ],
            "mean": [number(mean) for mean in table["mean"]],
            "judged": table["count"],
            "scorer": table["scorer"],
        }
    )
    st.dataframe(shown, hide_index=True, width="stretch", key="score-rates")


def _one(reader: ScoreReader, found: list[_Score], room: Room) -> None:
    """Draw what there is of one score that a person chooses."""
    names = [score.name for score in found]
    st.subheader("One score", anchor=False)
    name = st.selectbox("Score", names, key=f"{room.key}-score", persist_state="session", width=320)
    score = next(score for score in found if score.name == name)
    meaning = SCORES.get(name)
    if meaning is not None:
        st.caption(meaning.meaning)
    left, right = st.columns([3, 2], gap="large")
    with left:
        _over_time(reader, score, room)
    with right:
        _distribution(reader, name, room)
    _examples(reader, name, room)


def _over_time(reader: ScoreReader, score: _Score, room: Room) -> None:
    found = rates(reader.over_time(score.name), ["at", *SERIES], score.flagged)
    if found.empty:
        st.caption("Not judged in this span.")
        return
    share = bool(score.flagged)
    frame = found.assign(value=found["rate" if share else "mean"], series=_series(found))
    colors = charts.name_colors(dict.fromkeys(frame["series"]))
    changes = changes_of(score.name, reader.scorer_changes(), found["scorer"])
    chart: alt.LayerChart | alt.Chart
    if share:
        top = min(1.0, max(0.02, 1.1 * float(frame["high"].quantile(0.9))))
        chart = score_charts.banded(
            frame.assign(high=frame["high"].clip(upper=top)), colors, Axis(f"Share labelled {score.flagged}", "%", top)
        )
    else:
        chart = charts.lines(frame, colors, Axis("Mean"))
    middle = found["at"].min() + (found["at"].max() - found["at"].min()) / 2
    marked = score_charts.marked(chart, changes, middle)
    st.altair_chart(marked, width="stretch", key=f"{room.key}-over-time")
    if len(changes):
        st.caption("Marked: a new version of the scorer. What moves there may be its doing:")
        for change in changes.to_dict("records"):
            st.caption(f"{clock(change['at'])} {change['label']}: {change['told']}")


def _distribution(reader: ScoreReader, name: str, room: Room) -> None:
    found = reader.distribution(name)
    if found.empty:
        return
    total = found.groupby(SERIES)["estimated"].transform("sum")
    frame = found.assign(share=found["estimated"] / total, series=_series(found))
    colors = charts.name_colors(dict.fromkeys(frame["series"]))
    st.altair_chart(
        score_charts.distribution(frame, colors, "value; share of all calls"),
        width="stretch",
        key=f"{room.key}-distribution",
    )


def _series(frame: pd.DataFrame) -> list[str]:
    return [
        f"{version_name(version)}, {scorer}"
        for version, scorer in zip(frame["adapter_version"], frame["scorer"], strict=True)
    ]


def _examples(reader: ScoreReader, name: str, room: Room) -> None:
    end = st.segmented_control(
        "Examples", ["highest", "lowest"], default="highest", key=f"{room.key}-end", persist_state="session"
    )
    found = reader.examples(name, highest=end != "lowest")
    if found.empty:
        return
    st.caption("Personal data is masked; long texts are cut.")
    shown = pd.DataFrame(
        {
            "value": found["value"],
            "label": found["label"],
            "prompt": [prompt_of(messages) for messages in found["messages"]],
            "answer": [answer_of(output) for output in found["output"]],
            "version": [version_name(version) for version in found["adapter_version"]],
            "at, UTC": [clock(at) for at in found["occurred_at"]],
            "request": found["request_id"],
        }
    )
    config = {
        "value": st.column_config.NumberColumn(format="%.3f"),
        "prompt": st.column_config.TextColumn(width="large"),
    }
    st.dataframe(shown, hide_index=True, width="stretch", key=f"{room.key}-examples", column_config=config)


def _categories(reader: ScoreReader, names: list[str]) -> None:
    found = reader.categories(names)
    if found.empty:
        return
    st.subheader("Categories", anchor=False)
    shown = found.assign(estimated=found["estimated"].round(0)).rename(columns={"count": "judged", "name": "score"})
    st.dataframe(
        shown[["category", "score", "estimated", "judged", "scorer"]],
        hide_index=True,
        width="stretch",
        key="score-categories",
        column_config={"estimated": st.column_config.NumberColumn("estimated calls", format="%d")},
    )


def _scorers(reader: ScoreReader, names: list[str]) -> None:
    st.subheader("Scorers: health, coverage, cost", anchor=False)
    health, answered = reader.health(names), reader.answered()
    sampling = reader.sampling().set_index("scorer")
    rows = [_scorer(row, answered, sampling) for row in health.to_dict("records")]
    config = {"since": _TIME, "last": _TIME, "busy": st.column_config.NumberColumn("busy, s", format="%.1f")}
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch", key="score-health", column_config=config)
    reasons = reader.reasons(names)
    if len(reasons):
        st.caption("Not judged, and so no part of any rate:")
        st.dataframe(reasons, hide_index=True, width="stretch", key="score-reasons")


def _scorer(row: dict[Any, Any], answered: int, sampling: pd.DataFrame) -> dict[str, Any]:
    name = row["scorer"].partition("@")[0]
    now = sampling.loc[name] if name in sampling.index else None
    return {
        "scorer": row["scorer"],
        "seen": percent(min(1.0, row["calls"] / answered)) if answered else "",
        "mean chance": percent(row["mean_chance"]),
        "chances now": f"{percent(now['suspicious'])} suspicious, {percent(now['rest'])} rest"
        if now is not None
        else "",
        "judged": int(row["judged"]),
        "not judged": int(row["unjudged"]),
        "ms a call": f"{row['mean_ms']:.1f}, p95 {row['p95_ms']:.1f}",
        "busy": row["busy_s"],
        "USD today": f"{now['usd_today']:,.4f}" if now is not None and now["usd_today"] else "",
        "since": row["first"],
        "last": row["last"],
    }
