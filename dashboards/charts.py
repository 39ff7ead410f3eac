"""The few chart shapes that the pages share, drawn with Altair in one palette."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

PALETTE = ("#2f6fde", "#e07b39", "#3a9d6e", "#8a63d2", "#c2527b", "#5b7083", "#b59a2b", "#2b9db5")
TONES = {"breach": "#c62828", "act": "#5b7083", "good": "#2e7d32", "bad": "#c62828"}


def lines(
    frame: pd.DataFrame, *, x: str, y: str, by: str, title: str, domain: tuple[float, float] | None = None
) -> alt.Chart:
    """Return one line for each value of `by`; `title` names value and unit."""
    scale = alt.Scale(domain=domain, clamp=True) if domain else alt.Scale(zero=True)
    return (
        alt.Chart(frame)
        .mark_line(point=alt.OverlayMarkDef(size=18), strokeWidth=2)
        .encode(
            x=alt.X(f"{x}:T", title=None),
            y=alt.Y(f"{y}:Q", title=title, scale=scale),
            color=alt.Color(
                f"{by}:N", title=None, scale=alt.Scale(range=list(PALETTE)), legend=alt.Legend(orient="top")
            ),
            tooltip=[f"{by}:N", alt.Tooltip(f"{x}:T", format="%H:%M:%S"), alt.Tooltip(f"{y}:Q", format=".4g")],
        )
        .properties(height=240)
    )


def marks(frame: pd.DataFrame) -> alt.LayerChart:
    """Return vertical rules with labels for a frame of (at, label, tone)."""
    colour = alt.Color("tone:N", scale=alt.Scale(domain=list(TONES), range=list(TONES.values())), legend=None)
    rules = alt.Chart(frame).mark_rule(strokeDash=[4, 3], strokeWidth=1.5).encode(x="at:T", color=colour)
    labels = (
        alt.Chart(frame)
        .mark_text(align="left", dx=4, fontSize=11, fontWeight="bold", baseline="top")
        .encode(x="at:T", y=alt.Y("height:Q", axis=None, scale=None), text="label:N", color=colour)
    )
    return rules + labels


def threshold(values: Sequence[float], title: str) -> alt.Chart:
    """Return horizontal dashed rules at the given values."""
    return (
        alt.Chart(pd.DataFrame({"value": list(values), "title": title}))
        .mark_rule(strokeDash=[6, 4], color=TONES["breach"])
        .encode(y="value:Q", tooltip=["title:N", "value:Q"])
    )
