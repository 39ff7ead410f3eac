"""The chart shapes of the Safety and Quality pages: a rate with its interval, and how values lie."""

from collections.abc import Mapping

import altair as alt
import pandas as pd

from dashboards import charts
from dashboards.charts import Axis


def banded(frame: pd.DataFrame, colors: Mapping[str, str], axis: Axis) -> alt.LayerChart:
    """Return lines over time with their intervals, for a frame of (at, value, low, high, series)."""
    drawn = frame.assign(at=[at.timestamp() * 1000 for at in frame["at"]])
    color = alt.Color("series:N", scale=alt.Scale(domain=list(colors), range=list(colors.values())), legend=None)
    band = (
        alt.Chart(drawn)
        .mark_area(opacity=0.16)
        .encode(x=alt.X("at:T", scale=alt.Scale(type="utc")), y="low:Q", y2="high:Q", color=color)
    )
    return alt.layer(band, charts.lines(frame, colors, axis))


def distribution(frame: pd.DataFrame, colors: Mapping[str, str], title: str) -> alt.Chart:
    """Return how values lie, for a frame of (middle, share, series): a step line a series."""
    return (
        alt.Chart(frame)
        .mark_line(interpolate="step", strokeWidth=2)
        .encode(
            x=alt.X("middle:Q", title=title),
            y=alt.Y("share:Q", title=None, axis=alt.Axis(format="%")),
            color=alt.Color(
                "series:N",
                title=None,
                scale=alt.Scale(domain=list(colors), range=list(colors.values())),
                legend=alt.Legend(orient="top", labelLimit=320),
            ),
            tooltip=["series:N", alt.Tooltip("middle:Q", format=".3g"), alt.Tooltip("share:Q", format=".1%")],
        )
        .properties(height=200)
    )
