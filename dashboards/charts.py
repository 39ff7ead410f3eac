"""The chart shapes that the pages share, drawn with Altair in one palette, times in UTC."""

import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import altair as alt
import pandas as pd

from dashboards.turns import LANES, Turn
from dashboards.wording import BASE, clock

PALETTE = ("#2f6fde", "#1f9d74", "#8a55d7", "#e07b39", "#c2527b", "#2b9db5", "#b59a2b", "#6b7280")
BASE_COLOR = "#9aa3ae"
TONES = {"breach": "#c62828", "act": "#5b7083", "good": "#1e7d4f", "bad": "#c62828"}
LANE_PX = 16
PLOT_PX = 300


@dataclass(frozen=True, slots=True)
class Axis:
    """The value axis of a chart.

    Attributes:
        title: Value and unit.
        format: d3's, e.g. "%" for shares.
        top: Its end when it is known beforehand.
    """

    title: str
    format: str = ",~g"
    top: float | None = None


def version_color(version: str) -> str:
    """Return a version's colour, the same on every page: by its number, grey for the base."""
    if version == BASE:
        return BASE_COLOR
    number = re.search(r"(\d+)$", version)
    place = int(number[1]) - 1 if number else zlib.crc32(version.encode())
    return PALETTE[place % len(PALETTE)]


def version_colors(versions: Iterable[str]) -> dict[str, str]:
    """Return the colours of versions by name."""
    return {version: version_color(version) for version in sorted(set(versions))}


def name_colors(names: Iterable[str]) -> dict[str, str]:
    """Return colours of other series by name, in the order given."""
    return dict(zip(names, PALETTE, strict=False))


def lines(frame: pd.DataFrame, colors: Mapping[str, str], axis: Axis, *, dash: str = "") -> alt.Chart:
    """Return lines over time of a frame of (at, value, series), one colour a series.

    Args:
        frame: Times, values, the series' names, and with `dash` a column of that name.
        colors: Colour of each series.
        axis: The value axis.
        dash: Column by which a series is further parted into full and dashed lines; the title says which is which.
    """
    scale = alt.Scale(domain=[0, axis.top]) if axis.top else alt.Scale(zero=True, nice=True)
    encoding: dict[str, Any] = {
        "x": _time(),
        "y": alt.Y("value:Q", title=None, scale=scale, axis=alt.Axis(format=axis.format, tickCount=5)),
        "color": _color("series", colors),
        "tooltip": _tooltip(axis, dash),
    }
    if dash:
        encoding["strokeDash"] = alt.StrokeDash(f"{dash}:N", legend=None)
    drawn = _timed(frame)
    return (
        alt.Chart(drawn)
        .mark_line(strokeWidth=2, point=alt.OverlayMarkDef(size=14, filled=True))
        .encode(**encoding)
        .properties(height=270, title=_title(axis.title))
    )


def limits(frame: pd.DataFrame) -> alt.LayerChart:
    """Return dashed level lines with their names, for a frame of (value, label)."""
    drawn = alt.Chart(frame.drop_duplicates())
    rule = drawn.mark_rule(strokeDash=[6, 4], color=TONES["breach"], opacity=0.7).encode(y="value:Q")
    text = drawn.mark_text(align="left", baseline="bottom", dx=4, dy=-2, fontSize=11, color=TONES["breach"]).encode(
        x=alt.value(0), y="value:Q", text="label:N"
    )
    return rule + text


def accuracy(
    frame: pd.DataFrame,
    turns: Sequence[Turn],
    troubles: Sequence[tuple[datetime, datetime]],
    limit: pd.DataFrame,
    until: datetime,
) -> alt.LayerChart:
    """Return the hero chart: accuracy by version beneath the turning points, time in trouble shaded.

    Args:
        frame: (at, version, accuracy, judged); a point is the larger the more answers it stands for.
        turns: Labels with their lanes.
        troubles: Spans to shade.
        limit: The monitor's limit as (value, label), may be empty.
        until: End of the time axis.
    """
    top = LANE_PX * (max((turn.lane for turn in turns), default=-1) + 1) + 10
    low = min([*frame["accuracy"], *limit["value"], 0.6])
    scale = alt.Scale(domain=[max(0.0, int(low * 10) / 10), 1.0], range=[alt.ExprRef("height"), top])
    drawn = _timed(frame)
    since = frame["at"].min()
    x = _time(alt.Scale(type="utc", domain=[_instant(since), _instant(until)], nice=False))
    y = alt.Y(
        "accuracy:Q", title=None, scale=scale, axis=alt.Axis(format="%", values=[i / 10 for i in range(0, 11, 2)])
    )
    base = alt.Chart(drawn).encode(x=x, y=y, color=_color("version", version_colors(frame["version"])))
    layers = [
        _bands(troubles),
        base.mark_line(strokeWidth=2.2),
        _points(base),
        *((_level(limit, scale),) if len(limit) else ()),
    ]
    plot = alt.layer(*layers)
    layered = alt.layer(plot, _labels(turns)).resolve_scale(y="independent", color="independent")
    return layered.properties(height=PLOT_PX + LANE_PX * LANES)


def _points(base: alt.Chart) -> alt.Chart:
    tooltip = [
        alt.Tooltip("version:N"),
        alt.Tooltip("clock:N", title="UTC"),
        alt.Tooltip("accuracy:Q", format=".1%"),
        alt.Tooltip("judged:Q", title="judged answers"),
    ]
    size = alt.Size("judged:Q", scale=alt.Scale(domain=[0, 40], range=[6, 36], clamp=True), legend=None)
    return base.mark_point(filled=True, opacity=1).encode(size=size, tooltip=tooltip)


def _bands(troubles: Sequence[tuple[datetime, datetime]]) -> alt.Chart:
    frame = pd.DataFrame([{"start": _js(start), "end": _js(end)} for start, end in troubles], columns=["start", "end"])
    return (
        alt.Chart(frame)
        .mark_rect(color=TONES["breach"], opacity=0.07)
        .encode(x=alt.X("start:T", scale=alt.Scale(type="utc")), x2="end:T")
    )


def _level(limit: pd.DataFrame, scale: alt.Scale) -> alt.LayerChart:
    y = alt.Y("value:Q", scale=scale, title=None)
    drawn = alt.Chart(limit)
    rule = drawn.mark_rule(strokeDash=[6, 4], color=TONES["breach"], opacity=0.6).encode(y=y)
    text = drawn.mark_text(align="left", baseline="top", dx=4, dy=3, fontSize=11, color=TONES["breach"]).encode(
        x=alt.value(0), y=y, text="label:N"
    )
    return rule + text


def _labels(turns: Sequence[Turn]) -> alt.LayerChart:
    frame = pd.DataFrame(
        [{"at": _js(t.at), "label": t.label, "tone": t.tone, "top": LANE_PX * t.lane} for t in turns],
        columns=["at", "label", "tone", "top"],
    )
    color = alt.Color("tone:N", scale=alt.Scale(domain=list(TONES), range=list(TONES.values())), legend=None)
    y = alt.Y("top:Q", axis=None, scale=None)
    drawn = alt.Chart(frame).encode(x=_time(), color=color, y=y)
    rules = drawn.mark_rule(strokeDash=[3, 3], strokeWidth=1.2, opacity=0.75).encode(y2=alt.value("height"))
    text = drawn.mark_text(align="left", dx=4, fontSize=11.5, fontWeight=600, baseline="top").encode(text="label:N")
    return rules + text


def _time(scale: alt.Scale | None = None) -> alt.X:
    return alt.X(
        "at:T",
        title=None,
        scale=scale or alt.Scale(type="utc"),
        axis=alt.Axis(format="%H:%M:%S", tickCount=8, labelOverlap=True, grid=False),
    )


def _color(field: str, colors: Mapping[str, str]) -> alt.Color:
    scale = alt.Scale(domain=list(colors), range=list(colors.values()))
    return alt.Color(
        f"{field}:N", title=None, scale=scale, legend=alt.Legend(orient="top", offset=2, labelLimit=320, symbolSize=70)
    )


def _tooltip(axis: Axis, dash: str) -> list[alt.Tooltip]:
    parts = [alt.Tooltip("series:N", title=" "), alt.Tooltip("clock:N", title="UTC")]
    parts += [alt.Tooltip(f"{dash}:N")] if dash else []
    return [*parts, alt.Tooltip("value:Q", title=axis.title, format=".1%" if axis.format == "%" else ",.4~g")]


def _title(text: str) -> alt.TitleParams:
    return alt.TitleParams(text, anchor="start", fontSize=14, fontWeight=600, offset=6)


def _timed(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with its times as the browser counts them, and for people as `clock`."""
    return frame.assign(clock=[clock(at) for at in frame["at"]], at=[_js(at) for at in frame["at"]])


def _instant(at: datetime) -> alt.DateTime:
    """Return a time as the end of a scale: there, Vega-Lite takes a plain number for something else."""
    utc = at.astimezone(UTC)
    return alt.DateTime(
        utc=True,
        year=utc.year,
        month=utc.month,
        date=utc.day,
        hours=utc.hour,
        minutes=utc.minute,
        seconds=utc.second,
    )


def _js(at: datetime) -> float:
    return at.timestamp() * 1000


def dumbbells(frame: pd.DataFrame) -> alt.LayerChart:
    """Return incumbent and candidate on each slice, joined, for a frame of (slice, who, accuracy, count)."""
    order = list(dict.fromkeys(frame["slice"]))
    candidate = next(who for who in frame["who"] if who != "incumbent")
    colors = {"incumbent": BASE_COLOR, candidate: version_color(candidate)}
    y = alt.Y("slice:N", sort=order, title=None, axis=alt.Axis(labelLimit=220))
    x = alt.X("accuracy:Q", title=None, scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%"))
    drawn = alt.Chart(frame)
    join = drawn.mark_line(color=BASE_COLOR, strokeWidth=3, opacity=0.5).encode(x=x, y=y, detail="slice:N")
    dots = drawn.mark_point(filled=True, size=110, opacity=1).encode(
        x=x,
        y=y,
        color=_color("who", colors),
        tooltip=["slice:N", "who:N", alt.Tooltip("accuracy:Q", format=".1%"), "count:Q"],
    )
    return (join + dots).properties(height=110 + 26 * len(order), title=_title("Accuracy on held-out prompts"))


def loss(frame: pd.DataFrame) -> alt.Chart:
    """Return the training's loss for a frame of (step, loss)."""
    return (
        alt.Chart(frame)
        .mark_line(strokeWidth=2, color=PALETTE[0], point=alt.OverlayMarkDef(size=14))
        .encode(x=alt.X("step:Q", title="step"), y=alt.Y("loss:Q", title=None), tooltip=["step:Q", "loss:Q"])
        .properties(height=160, title=_title("Loss"))
    )
