"""Which stretch of time is replayed, from what a person wrote. Pure; read by stream_processors.replay."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from schemas.codec import from_unix_ms, to_rfc3339, to_unix_ms
from schemas.configuration import Configuration
from schemas.durations import parse_duration
from stream_processors.monitors.firing import SPAN, window_ms
from stream_processors.monitors.monitors import IDLE_MS
from stream_processors.windows.windows import Bounds

DETECTORS_MS = 6_000
"""How long detectors wait for another record before they close a window by the clock, and a tick."""
LONGEST_SETTLING_MS = 300_000


class BadSpan(ValueError):
    """That stretch can't be replayed. The message is one line."""


@dataclass(frozen=True, slots=True)
class Span:
    """What ends in [since, until) is compared. Unix milliseconds.

    Attributes:
        start: Log time from which processors read; before `since`, so that they know what they knew then.
        settled: Log time until which processors read; whatever follows from what ended before `until` has by then.
    """

    start: int
    since: int
    until: int
    settled: int


@dataclass(frozen=True, slots=True)
class Asked:
    """What the options name, and when they were read, Unix milliseconds; None where the log decides."""

    since: int | None
    until: int
    warm_up: int | None
    now: int


def asked_for(texts: Mapping[str, str], configuration: Configuration, now: int) -> Asked:
    """Return what `--from`, `--to` and `--warm-up` ask for; empty ones ask for nothing in particular.

    Raises:
        BadSpan: Not a time or duration, or one that can't be replayed whatever the log holds.
    """
    settled = now - settling_ms(configuration)
    since = instant(texts["--from"], "--from", now) if texts["--from"] else None
    until = instant(texts["--to"], "--to", now) if texts["--to"] else settled
    if until > settled:
        raise BadSpan(f"--to: what ends after {_text(settled)} may not be concluded yet; ask for an earlier time")
    if since is not None and since >= until:
        raise BadSpan(f"nothing lies between {_text(since)} and {_text(until)}")
    warm_up, least = None, least_warm_up_ms(configuration)
    if texts["--warm-up"]:
        warm_up = duration_ms(texts["--warm-up"], "--warm-up")
        if since is None:
            raise BadSpan("--warm-up goes before --from, which is missing")
        if warm_up < least:
            raise BadSpan(f"--warm-up: windows, joins and monitors need {least / 1000:g}s at least")
    return Asked(since, until, warm_up, now)


def span_of(asked: Asked, configuration: Configuration, *, begins: int, whole: bool) -> Span:
    """Return the span that is replayed: all that the log can answer, within what was asked for.

    Args:
        begins: Log time from which all partitions have their messages.
        whole: Whether the log still has its first messages.

    Raises:
        BadSpan: The log does not reach back that far.
    """
    earliest = begins if whole else begins + least_warm_up_ms(configuration)
    since = earliest if asked.since is None else asked.since
    if since < earliest and not whole:
        raise BadSpan(f"--from: the log begins at {_text(begins)} and can answer from {_text(earliest)} on")
    if since >= asked.until:
        raise BadSpan(f"the log has nothing between {_text(since)} and {_text(asked.until)}")
    start = begins if asked.warm_up is None else max(begins, since - asked.warm_up)
    return Span(start, since, asked.until, min(asked.now, asked.until + LONGEST_SETTLING_MS))


def settling_ms(configuration: Configuration) -> int:
    """Return how long after its end the last conclusion from a window may come.

    A window is reported when it has closed; detectors close theirs when nothing follows, and what may
    follow is the window after it.
    """
    return 2 * (Bounds.of(configuration.windows).closing + IDLE_MS) + DETECTORS_MS


def least_warm_up_ms(configuration: Configuration) -> int:
    """Return how much must be read before windows, joins and monitors lack nothing."""
    bounds, drift = Bounds.of(configuration.windows), duration_ms(configuration.drift.window, "drift.window")
    watched = [(monitor.for_ + SPAN + 1) * max(window_ms(monitor), drift) for monitor in configuration.monitors]
    return max(bounds.horizon, 2 * drift, *watched) + bounds.closing


def instant(text: str, option: str, now: int) -> int:
    """Return the time that a text names: ISO 8601, UTC unless it says otherwise, or how long ago.

    Raises:
        BadSpan: Neither.
    """
    try:
        return now - round(parse_duration(text).total_seconds() * 1000)
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise BadSpan(f"{option}: neither a time (2026-01-31T12:00:00Z) nor how long ago (30m): {text!r}") from None
    return to_unix_ms(found if found.tzinfo else found.replace(tzinfo=UTC))


def duration_ms(text: str, option: str) -> int:
    """Return the milliseconds of a duration.

    Raises:
        BadSpan: It is none.
    """
    try:
        return round(parse_duration(text).total_seconds() * 1000)
    except ValueError as error:
        raise BadSpan(f"{option}: {error}") from error


def _text(unix_ms: int) -> str:
    return to_rfc3339(from_unix_ms(unix_ms))
