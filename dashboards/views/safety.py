"""What the safety heads and the personal-data scanner say about prompts and answers."""

import streamlit as st

from dashboards import charts
from dashboards.reader import About
from schemas.metrics import SCORES

MINUTES = 60
HEADS = ("prompt.injection", "prompt.harm", "response.harm")
COUNTS = ("prompt.pii", "response.pii")


def show(about: About) -> None:
    """Draw the page for one app."""
    shares = about.score_shares(MINUTES)
    heads = shares[shares["name"].isin(HEADS)]
    if heads.empty:
        st.info("No scores yet. The safety processor scores every answer shortly after it was given.")
        return
    last = heads[heads["at"] == heads["at"].max()]
    for column, name in zip(st.columns(len(HEADS)), HEADS, strict=True):
        of_name = last[last["name"] == name]
        share = (of_name["unsafe_share"] * of_name["scored"]).sum() / max(of_name["scored"].sum(), 1)
        column.metric(name, f"{share:.1%} unsafe", help=SCORES[name])
    weighted = heads.assign(unsafe=heads["unsafe_share"] * heads["scored"])
    by_name = weighted.groupby(["at", "name"], as_index=False)[["unsafe", "scored"]].sum()
    by_name["unsafe_share"] = by_name["unsafe"] / by_name["scored"]
    st.altair_chart(
        charts.lines(by_name, x="at", y="unsafe_share", by="name", title="share labelled unsafe", domain=(0.0, 1.0)),
        use_container_width=True,
    )
    pii = shares[shares["name"].isin(COUNTS)]
    st.subheader("Personal data")
    if pii.empty or pii["mean"].sum() == 0:
        st.success("No entity of personal data found in the last hour.")
        return
    counted = pii.assign(entities=pii["mean"] * pii["scored"])
    totals = counted.groupby(["at", "name"], as_index=False)[["entities"]].sum()
    st.altair_chart(
        charts.lines(totals, x="at", y="entities", by="name", title="entities found"), use_container_width=True
    )
