"""Volume, errors, latency, tokens and cost of each adapter version over time."""

from typing import Any

import pandas as pd
import streamlit as st

from dashboards import charts
from dashboards.charts import Axis
from dashboards.reader import QUANTILES, About, Span
from dashboards.views.judgements import show_judgements
from dashboards.wording import version_name

EMPTY = (
    "No closed window in this span. A window closes a few seconds after its end; "
    "with older traffic, choose a longer span."
)


def show(about: About, span: Span) -> None:
    """Draw the page for one app."""
    windows = about.windows(span)
    windows = windows[windows["variant"] != "shadow"]
    if windows.empty:
        st.info(EMPTY)
    else:
        totals = about.quantiles("latency_ms", span, whole=True)
        _totals(windows, totals)
        _charts(by_version(windows), about.quantiles("latency_ms", span))
        st.subheader("By version", anchor=False)
        st.dataframe(
            _table(windows, totals), hide_index=True, width="stretch", column_config=_columns(), key="versions"
        )
        show_judgements(windows)
    _dead_letters(about)


def by_version(windows: pd.DataFrame) -> pd.DataFrame:
    """Return rates and shares of each version over time, its variants together."""
    summed = windows.groupby(["at", "adapter_version"], as_index=False).agg(
        {
            name: "max" if name == "covered_s" else "sum"
            for name in ("responses", "errors", "input_tokens", "output_tokens", "cost_usd", "covered_s")
        }
    )
    answered = summed[summed["responses"] > 0]
    return answered.assign(
        series=[version_name(version) for version in answered["adapter_version"]],
        answers_a_second=answered["responses"] / answered["covered_s"],
        failed_share=answered["errors"] / answered["responses"],
        tokens_a_second=(answered["input_tokens"] + answered["output_tokens"]) / answered["covered_s"],
    )


def _totals(windows: pd.DataFrame, totals: pd.DataFrame) -> None:
    answers, errors, latency, tokens, cost = st.columns(5)
    total = windows["responses"].sum()
    answers.metric("Answers", f"{total:,.0f}", border=True)
    errors.metric("Failed", f"{windows['errors'].sum() / total:.2%}" if total else "none", border=True)
    worst = f"{totals['p95'].max():,.0f} ms" if len(totals) else "none"
    latency.metric("Latency p95, slowest version", worst, border=True)
    tokens.metric("Tokens", f"{windows[['input_tokens', 'output_tokens']].to_numpy().sum():,.0f}", border=True)
    cost.metric("Cost", cost_of(total, windows["unpriced"].sum(), windows["cost_usd"].sum()), border=True)


def cost_of(answers: float, unpriced: float, cost_usd: float) -> str:
    """Return the cost of what is known of it, marked as a lower bound where that is not all."""
    if unpriced >= answers:
        return "unknown"
    return f"{'at least ' if unpriced else ''}{cost_usd:,.4f} USD"


def _charts(frame: pd.DataFrame, latencies: pd.DataFrame) -> None:
    left, right = st.columns(2, gap="large")
    colors = charts.version_colors(frame["series"])
    for column, name, axis in (
        (left, "answers_a_second", Axis("Answers a second")),
        (right, "failed_share", Axis("Share of failed answers", "%", _headroom(frame["failed_share"]))),
        (left, "tokens_a_second", Axis("Tokens a second")),
    ):
        chart = charts.lines(frame.assign(value=frame[name]), colors, axis)
        column.altair_chart(chart, width="stretch", key=f"overview-{name}")
    if len(latencies):
        melted = latencies.melt(id_vars=["at", "adapter_version"], value_vars=["p50", "p95"], var_name="quantile")
        melted = melted.assign(series=[version_name(version) for version in melted["adapter_version"]])
        chart = charts.lines(
            melted, colors, Axis("Latency, ms: median, and dashed the 95th percentile"), dash="quantile"
        )
        right.altair_chart(chart, width="stretch", key="overview-latency")


def _headroom(shares: pd.Series) -> float:
    """Return an end of the axis at which a quiet chart does not look alarming."""
    return min(1.0, max(0.1, 1.2 * float(shares.max())))


def _table(windows: pd.DataFrame, totals: pd.DataFrame) -> pd.DataFrame:
    names = ["responses", "errors", "feedback", "feedback_correct", "input_tokens", "output_tokens"]
    names += ["cost_usd", "unpriced"]
    table = windows.groupby("adapter_version", as_index=False)[names].sum()
    answered = table["responses"].where(table["responses"] > 0)
    priced = table["responses"] - table["unpriced"]
    per_priced = 1000 * table["cost_usd"] / priced.where(priced > 0)
    table = table.assign(
        version=[version_name(version) for version in table["adapter_version"]],
        failed=100 * table["errors"] / answered,
        accuracy=100 * table["feedback_correct"] / table["feedback"].where(table["feedback"] > 0),
        tokens=(table["input_tokens"] + table["output_tokens"]) / answered,
        cost=per_priced.map("{:.4f}".format, na_action="ignore").fillna("unknown"),
    )
    joined = table.merge(totals[["adapter_version", *QUANTILES]], how="left", on="adapter_version")
    return joined[["version", "responses", "failed", "accuracy", *QUANTILES, "tokens", "cost"]]


def _columns() -> dict[str, Any]:
    return {
        "responses": st.column_config.NumberColumn("answers", format="%d"),
        "failed": st.column_config.NumberColumn("failed", format="%.2f %%"),
        "accuracy": st.column_config.NumberColumn("accuracy", format="%.1f %%"),
        "p50": st.column_config.NumberColumn("latency p50", format="%.0f ms"),
        "p95": st.column_config.NumberColumn("p95", format="%.0f ms"),
        "p99": st.column_config.NumberColumn("p99", format="%.0f ms"),
        "tokens": st.column_config.NumberColumn("tokens an answer", format="%.1f"),
        "cost": st.column_config.TextColumn("USD a 1000 answers", help="Of the answers whose cost is known."),
    }


def _dead_letters(about: About) -> None:
    st.subheader("Dead letters, last day", anchor=False)
    letters = about.reader.dead_letters()
    if letters.empty:
        st.caption("None: every message could be decoded.")
        return
    shown = letters.rename(columns={"source_topic": "topic"})
    config = {"last": st.column_config.DatetimeColumn("last, UTC", format="YYYY-MM-DD HH:mm:ss", timezone="UTC")}
    st.dataframe(shown, hide_index=True, width="stretch", column_config=config, key="dead-letters")
