"""Distances from the served version's reference, and the sequential detectors' statistics."""

import altair as alt
import streamlit as st

from dashboards import charts
from dashboards.reader import About

MINUTES = 60
METHODS = {
    "PopulationStability": "Population stability index of each window against the reference of the version that "
    "answered. Above 0.25 is customarily a major shift.",
    "PageHinkley": "Page-Hinkley statistic: cumulated deviation from the running mean.",
    "Adwin": "ADWIN: 1 when the adaptive window was cut because its two halves differ.",
}


def show(about: About) -> None:
    """Draw the page for one app."""
    drift = about.drift(MINUTES)
    if drift.empty:
        st.info("No measurement yet. Drift is measured once a version with a reference has answered enough calls.")
        return
    found = drift[drift["drifted"]]
    detected, first, worst = st.columns(3)
    detected.metric("Measurements that say drift", f"{len(found)} of {len(drift)}")
    first.metric("First", found["occurred_at"].min().strftime("%H:%M:%S UTC") if len(found) else "none")
    psi = drift[drift["method"] == "PopulationStability"]
    worst.metric("Highest PSI", f"{psi['value'].max():.2f}" if len(psi) else "none")
    for method, meaning in METHODS.items():
        of_method = drift[drift["method"] == method]
        if of_method.empty:
            continue
        st.subheader(method)
        st.caption(meaning)
        series = of_method.assign(
            series=of_method["metric"] + " of " + of_method["adapter_version"].replace("", "base model")
        )
        base = charts.lines(series, x="window_end", y="value", by="series", title=method)
        limits = charts.threshold(sorted(set(of_method["threshold"])), "threshold")
        st.altair_chart(alt.layer(base, limits).resolve_scale(color="independent"), use_container_width=True)
