"""Durations as people write them: 500ms, 10s, 5m, 1h, 30d."""

import re
from datetime import timedelta

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PATTERN = re.compile(r"^(\d+(?:\.\d+)?)(ms|s|m|h|d)$")


def parse_duration(text: str) -> timedelta:
    """Return the duration that a text such as "1m" or "500ms" names.

    Raises:
        ValueError: Not a number followed by ms, s, m, h or d, or zero.
    """
    match = _PATTERN.match(text.strip())
    if match is None or float(match[1]) == 0:
        raise ValueError(f"not a duration: {text!r} (write 500ms, 10s, 5m, 1h or 30d)")
    return timedelta(seconds=float(match[1]) * _UNITS[match[2]])
