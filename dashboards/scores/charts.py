"""The chart shapes of the Safety and Quality pages: a rate with its interval, and how values lie."""

from collections.abc import Mapping
from datetime import datetime

import altair as alt
import pandas as pd

from dashboards import charts
from dashboards.charts import Axis


def banded(frame: pd.DataFrame, colors: Mapping[str, str], axis: Axis) -> alt.LayerChart:
    """Return lines over time with their intervals, for a frame of (at, value, low, high, series)."""
    drawn = frame.assign(at=[at.timestamp() * 1000 for at in frame["at"]])
    color = _color(colors)
    band = (
        alt.Chart(drawn)
        .mark_area(opacity=0.16)
        .encode(x=alt.X("at:T", scale=alt.Scale(type="utc")), y="low:Q", y2="high:Q", color=color)
    )
    lines = charts.lines(frame, colors, axis).encode(color=color).properties(height=300)
    return alt.layer(band, lines)


def marked(chart: alt.LayerChart | alt.Chart, changes: pd.DataFrame, middle: datetime) -> alt.LayerChart | alt.Chart:
    """Return a chart over time with a mark where a scorer changed, for a frame of (at, label, told).

    Labels stand towards the middle of the chart's time, so that its edges cut none.
    """
    if changes.empty:
        return chart
    drawn = changes.assign(at=[at.timestamp() * 1000 for at in changes["at"]])
    color = charts.TONES["act"]
    x = alt.X("at:T", scale=alt.Scale(type="utc"))
    tooltip = [alt.Tooltip("label:N", title="new version"), alt.Tooltip("told:N", title="which means")]
    rules = alt.Chart(drawn).mark_rule(strokeDash=[3, 3], strokeWidth=1.4, opacity=0.8, color=color)
    early = changes["at"] <= middle
    texts = [
        alt.Chart(drawn[chosen])
        .mark_text(align=align, baseline="top", dx=dx, fontSize=11, fontWeight=600, color=color)
        .encode(x=x, y=alt.value(0), text="label:N")
        for chosen, align, dx in ((early, "left", 4), (~early, "right", -4))
        if chosen.any()
    ]
    return alt.layer(chart, rules.encode(x=x, tooltip=tooltip), *texts)


def distribution(frame: pd.DataFrame, colors: Mapping[str, str], title: str) -> alt.Chart:
    """Return how values lie, for a frame of (middle, share, series): a step line a series."""
    return (
        alt.Chart(frame)
        .mark_line(interpolate="step", strokeWidth=2)
        .encode(
            x=alt.X("middle:Q", title=title),
            y=alt.Y("share:Q", title=None, axis=alt.Axis(format="%")),
            color=_color(colors),
            tooltip=["series:N", alt.Tooltip("middle:Q", format=".3g"), alt.Tooltip("share:Q", format=".1%")],
        )
        .properties(height=300)
    )


def _color(colors: Mapping[str, str]) -> alt.Color:
    scale = alt.Scale(domain=list(colors), range=list(colors.values()))
    legend = alt.Legend(orient="top", columns=1, offset=2, labelLimit=420, symbolSize=70)
    return alt.Color("series:N", title=None, scale=scale, legend=legend)
