"""Volume, errors, latency, tokens and cost of each adapter version over time."""

import pandas as pd
import streamlit as st

from dashboards import charts
from dashboards.reader import About

SPANS = {"15 minutes": 15, "1 hour": 60, "6 hours": 360, "24 hours": 1440}


def show(about: About) -> None:
    """Draw the page for one app."""
    minutes = SPANS[
        st.segmented_control("Span", list(SPANS), default="15 minutes", key="overview-span") or "15 minutes"
    ]
    windows = about.windows(minutes)
    windows = windows[windows["variant"] != "shadow"]
    if windows.empty:
        st.info("No closed window in this span. The functional processor closes one a few seconds after its end.")
        return
    windows = windows.assign(
        version=windows["adapter_version"].replace("", "base model"),
        error_ratio=windows["errors"] / windows["responses"].where(windows["responses"] > 0),
        tokens=windows["input_tokens"] + windows["output_tokens"],
    )
    _totals(windows)
    latencies = about.latencies(minutes)
    answered = windows[windows["responses"] > 0]
    left, right = st.columns(2)
    left.altair_chart(
        charts.lines(answered, x="window_start", y="responses", by="version", title="answers a window"),
        use_container_width=True,
    )
    right.altair_chart(
        charts.lines(
            answered,
            x="window_start",
            y="error_ratio",
            by="version",
            title="share of failed answers",
            domain=(0.0, 1.0),
        ),
        use_container_width=True,
    )
    left.altair_chart(
        charts.lines(_melted(latencies), x="at", y="ms", by="quantile", title="latency, ms"), use_container_width=True
    )
    right.altair_chart(
        charts.lines(answered, x="window_start", y="tokens", by="version", title="tokens a window"),
        use_container_width=True,
    )
    st.subheader("Dead letters, last day")
    letters = about.dead_letters()
    if letters.empty:
        st.success("None: every message could be decoded.")
    else:
        st.dataframe(letters, hide_index=True, use_container_width=True)


def _totals(windows: pd.DataFrame) -> None:
    answers, errors, tokens, cost = st.columns(4)
    total = windows["responses"].sum()
    answers.metric("Answers", f"{total:,.0f}")
    errors.metric("Failed", f"{windows['errors'].sum() / total:.2%}" if total else "none")
    tokens.metric("Tokens", f"{windows['tokens'].sum():,.0f}")
    cost.metric("Cost", f"{windows['cost_usd'].sum():,.4f} USD")


def _melted(latencies: pd.DataFrame) -> pd.DataFrame:
    melted = latencies.melt(id_vars=["at", "adapter_version"], var_name="quantile", value_name="ms")
    return melted.assign(quantile=melted["adapter_version"].replace("", "base model") + " " + melted["quantile"])
