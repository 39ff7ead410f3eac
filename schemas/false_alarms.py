"""How many false alarms somebody puts up with, as people write it: 1 per 100000, 1 per 30d."""

import re

import msgspec

from schemas.durations import parse_duration

LEAST, MOST = 100.0, 1e12
_PATTERN = re.compile(r"^(\d{1,6}) per (\S+)$")
_EVENTS = re.compile(r"^\d{1,12}$")


class FalseAlarms(msgspec.Struct, frozen=True):
    """The least mean distance between two false alarms of one detector on one series.

    Attributes:
        limit: Observations, or seconds where `timed`.
    """

    limit: float
    timed: bool

    def chance(self, *, count: int, seconds: float) -> float:
        """Return the share of false alarms among windows of so many observations and so long; at most a half."""
        return min(0.5, (seconds if self.timed else count) / self.limit)


def parse_false_alarms(text: str) -> FalseAlarms:
    """Return what a text such as "1 per 100000" (observations) or "2 per 30d" says.

    Raises:
        ValueError: It says nothing of the kind, or one in less than 100 observations or seconds.

    Example:
        >>> parse_false_alarms("2 per 30d")
        FalseAlarms(limit=1296000.0, timed=True)
    """
    match = _PATTERN.match(text.strip())
    if match is None or int(match[1]) == 0:
        raise ValueError(f"not a rate of false alarms: {text!r} (write 1 per 100000 or 1 per 30d)")
    timed = _EVENTS.match(match[2]) is None
    span = parse_duration(match[2]).total_seconds() if timed else float(match[2])
    limit = span / int(match[1])
    if not LEAST <= limit <= MOST:
        raise ValueError(f"{text!r} is one in {limit:g}; give one in {LEAST:g} to {MOST:g} answers or seconds")
    return FalseAlarms(limit, timed)
