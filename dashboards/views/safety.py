"""What the safety heads and the personal-data scanner say about prompts and answers."""

from datetime import timedelta

import pandas as pd
import streamlit as st

from dashboards import charts
from dashboards.charts import Axis
from dashboards.reader import About, Span
from schemas.metrics import SCORES

HEADS = {
    "prompt.injection": "Prompts that look like injections",
    "prompt.harm": "Prompts that ask for harm",
    "response.harm": "Harmful answers",
}
COUNTS = {"prompt.pii": "in prompts", "response.pii": "in answers"}
LATELY = timedelta(minutes=1)


def show(about: About, span: Span) -> None:
    """Draw the page for one app."""
    shares = about.score_shares(span)
    heads = shares[shares["name"].isin(list(HEADS))]
    if heads.empty:
        st.info("No scores in this span. The safety processor scores every answer shortly after it was given.")
        return
    for column, (name, title) in zip(st.columns(len(HEADS)), HEADS.items(), strict=True):
        of_name = heads[heads["name"] == name]
        value, note = _lately(of_name)
        column.metric(
            title,
            value,
            note,
            help=f"{name}: {SCORES[name].meaning}",
            delta_color="off",
            delta_arrow="off",
            border=True,
        )
    frame = heads.assign(value=heads["unsafe_share"], series=[HEADS[name] for name in heads["name"]])
    axis = Axis("Share labelled unsafe, weighted by sampling", "%", min(1.0, max(0.2, 1.1 * frame["value"].max())))
    st.altair_chart(charts.lines(frame, charts.name_colors(HEADS.values()), axis), width="stretch", key="safety-shares")
    _personal_data(shares[shares["name"].isin(list(COUNTS))])


def _lately(of_name: pd.DataFrame) -> tuple[str, str]:
    if of_name.empty:
        return "none", "not scored in this span"
    last = of_name[of_name["at"] > of_name["at"].max() - LATELY]
    scored = last["scored"].sum()
    share = (last["unsafe_share"] * last["scored"]).sum() / scored
    return f"{share:.1%}".replace("%", " %"), f"of the last minute's {scored:,.0f}"


def _personal_data(counted: pd.DataFrame) -> None:
    st.subheader("Personal data", anchor=False)
    if counted.empty:
        st.caption("Not scanned in this span.")
        return
    if counted["total"].sum() == 0:
        st.caption("No entity of personal data found in this span.")
        return
    frame = counted.assign(value=counted["total"], series=[COUNTS[name] for name in counted["name"]])
    chart = charts.lines(frame, charts.name_colors(COUNTS.values()), Axis("Entities found"))
    st.altair_chart(chart, width="stretch", key="safety-pii")
