"""Distances from the served version's reference, and the sequential detectors' statistics."""

import altair as alt
import pandas as pd
import streamlit as st

from dashboards import charts
from dashboards.charts import Axis
from dashboards.reader import About, Span
from dashboards.wording import clock, number, short

METHODS = {
    "PopulationStability": (
        "Population stability index (PSI)",
        "How far the scores of each window lie from the reference of the version that answered: what it was "
        "trained on. Each window is judged by what windows of its size drawn from the reference reach.",
    ),
    "EDetector": (
        "E-detector",
        "Evidence against the baseline as a power of ten (Shin, Ramdas and Rinaldo 2022): at 5 it errs at most once in "
        "100,000, and a change is told.",
    ),
    "PageHinkley": (
        "Page-Hinkley",
        "Deviation from the running mean, added up (Page 1954): it climbs while the stream stays higher than it was.",
    ),
    "Adwin": (
        "ADWIN",
        "1 where the adaptive window was cut, because its older and its newer half differ (Bifet and Gavaldà 2007).",
    ),
}
EMPTY = "No measurement in this span. Drift is measured once a version with a reference has answered enough calls."


def show(about: About, span: Span) -> None:
    """Draw the page for one app."""
    drift = about.drift(span)
    if drift.empty:
        st.info(EMPTY)
        return
    named = drift.assign(
        series=[
            f"{metric} of {short(version, about.app)}"
            for metric, version in zip(drift["metric"], drift["adapter_version"], strict=True)
        ]
    )
    _verdict(named)
    for method in METHODS:
        of_method = named[named["method"] == method]
        if len(of_method):
            _method(method, of_method)


def _verdict(drift: pd.DataFrame) -> None:
    found = drift[drift["drifted"]]
    latest = drift.groupby(["series", "method"], as_index=False).last()
    newest = latest[latest["at"] > drift["at"].max() - pd.Timedelta(minutes=2)]
    now = newest[newest["drifted"]]
    drifting, first, worst = st.columns(3)
    note = ", ".join(sorted(set(now["series"]))) or "no series is beyond its limit"
    drifting.metric("Drifting now", len(now), note, delta_color="off", delta_arrow="off", border=True)
    when = f"{clock(found['at'].min())} UTC" if len(found) else "never"
    says = f"{len(found)} of {len(drift)} measurements say drift"
    first.metric("First drift in this span", when, says, delta_color="off", delta_arrow="off", border=True)
    psi = drift[drift["method"] == "PopulationStability"]
    high = psi.sort_values("value").iloc[-1] if len(psi) else None
    worst.metric(
        "Highest PSI",
        number(high["value"]) if high is not None else "none",
        high["series"] if high is not None else "no version has a reference",
        delta_color="off",
        delta_arrow="off",
        border=True,
    )


def _method(method: str, frame: pd.DataFrame) -> None:
    title, meaning = METHODS[method]
    st.subheader(title, anchor=False)
    st.caption(meaning)
    base = charts.lines(frame, charts.name_colors(sorted(set(frame["series"]))), Axis("statistic"))
    newest = frame.groupby("series")["threshold"].last()
    limits = pd.DataFrame([{"value": value, "label": f"limit {number(value)}"} for value in sorted(set(newest))])
    chart = alt.layer(base.properties(title=""), charts.limits(limits))
    st.altair_chart(chart, width="stretch", key=f"drift-{method}")
