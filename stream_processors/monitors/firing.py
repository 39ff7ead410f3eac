"""Whether a monitor fires or resolves, from its measured windows and its last alert. Pure.

A window with fewer observations than `min_count` neither breaches nor clears. The monitor fires when
its last `for` conclusive windows breach, all within `for` + SPAN windows; it resolves with the first
conclusive window that doesn't. What was measured before the last change has been judged already.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from schemas.configuration import Monitor
from schemas.durations import parse_duration

SPAN = 2
SILENT_WINDOWS = 10


@dataclass(frozen=True, slots=True)
class Target:
    """What one alert is about: a monitor over the dimensions it watches apart."""

    monitor: str
    app: str
    adapter_version: str
    variant: str
    tenant: str


@dataclass(frozen=True, slots=True)
class Observation:
    """A metric in one window; `end` in Unix milliseconds.

    Attributes:
        interval: 95 % interval of a share that is estimated from a sample.
    """

    end: int
    value: float | None
    count: int
    interval: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """A target's last alert: since when it was breached, and the window that changed it last."""

    state: Literal["firing", "resolved"]
    alert_id: str
    breached_at: int
    window_end: int


@dataclass(frozen=True, slots=True)
class Change:
    """A target begins to fire or is resolved; `decided` is the window behind it."""

    state: Literal["firing", "resolved"]
    breached_at: int
    decided: Observation


def window_ms(monitor: Monitor) -> int:
    """Return the length of a monitor's window in milliseconds."""
    return round(parse_duration(monitor.window).total_seconds() * 1000)


def breaches(monitor: Monitor, observation: Observation) -> bool | None:
    """Return whether a window is in breach; None when it has too little to say."""
    if observation.value is None or observation.count < monitor.min_count:
        return None
    if monitor.sure and observation.interval is not None:
        low, high = (_beyond(monitor, end) for end in observation.interval)
        return low if low == high else None
    return _beyond(monitor, observation.value)


def _beyond(monitor: Monitor, value: float) -> bool:
    if monitor.below is not None:
        return value < monitor.below
    return monitor.above is not None and value > monitor.above


def judge(
    monitor: Monitor, observations: Iterable[Observation], standing: Standing | None, *, spacing: int
) -> Change | None:
    """Return the change that the windows up to now call for, given the target's last alert.

    Args:
        observations: Ascending by their ends; the last one is the present.
        spacing: From one window to the next, in milliseconds.
    """
    windows = list(observations)
    if not windows:
        return None
    since = standing.window_end if standing else 0
    oldest = windows[-1].end - (monitor.for_ + SPAN) * spacing
    told = [(o, b) for o in windows if o.end > since and (b := breaches(monitor, o)) is not None]
    if standing and standing.state == "firing":
        return Change("resolved", standing.breached_at, told[-1][0]) if told and not told[-1][1] else None
    streak = [(o, b) for o, b in told if o.end > oldest][-monitor.for_ :]
    if len(streak) < monitor.for_ or not all(b for _, b in streak):
        return None
    return Change("firing", streak[0][0].end, streak[-1][0])


def silenced(monitor: Monitor, standing: Standing, *, last_seen: int, now: int) -> Change | None:
    """Return the end of an alert whose series has been silent: its version is no longer served."""
    silent_at = max(last_seen, standing.window_end) + SILENT_WINDOWS * window_ms(monitor)
    if standing.state == "resolved" or now < silent_at:
        return None
    return Change("resolved", standing.breached_at, Observation(silent_at, None, 0))
