"""Which partial of a window to believe: the one rule that every reader of WindowClosed keeps.

Partials come at least once, after a replay also incomplete. Of each source the one with the smallest
first offset counts, then the one with the largest last offset: a complete window has the smallest.
"""

from datetime import datetime

from schemas.observations import WindowClosed
from schemas.record import Series, series_of

PartialKey = tuple[Series, datetime, str, int]


def partial_key(window: WindowClosed) -> PartialKey:
    """Return what a partial is a partial of: one series, window and source partition."""
    return series_of(window), window.window_start, window.source_topic, window.source_partition


def preferred(known: WindowClosed | None, new: WindowClosed) -> WindowClosed:
    """Return the partial to believe of two with the same key; the known one when they are alike."""
    if known is None:
        return new
    return min(known, new, key=lambda window: (window.first_offset, -window.last_offset))
