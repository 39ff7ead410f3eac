"""Tumbling event-time windows over one stream within one partition: which are open, which are due."""

from collections.abc import Iterable


class Timeline:
    """Windows [start, start + length), all times Unix milliseconds.

    A window closes once, when the watermark passes its end by the lateness; the watermark is the
    latest event time seen, never ahead of the log's own clock. What comes for a closed window is late.
    What comes for a window before the first record's is late too: after a restart it belongs to a
    window that was closed and told before.

    Closed windows are remembered for a while, so that a restart reads some more than the open ones:
    the detectors without windows then begin with a past.
    """

    def __init__(self, *, length_ms: int, lateness_ms: int) -> None:
        self._length = length_ms
        self._lateness = lateness_ms
        self._opened: dict[int, int] = {}
        self._remembered: dict[int, int] = {}
        self._boundary: int | None = None
        self.watermark_ms = 0

    def place(self, at_ms: int, *, offset: int, logged_at_ms: int) -> int | None:
        """Return the start of a record's window, opening it if need be, or None for a late record."""
        start = at_ms - at_ms % self._length
        if self._boundary is None:
            self._boundary = start
        if start < self._boundary:
            return None
        self.watermark_ms = max(self.watermark_ms, min(at_ms, logged_at_ms))
        self._opened.setdefault(start, offset)
        return start

    def due(self, until_ms: int) -> tuple[int, ...]:
        """Return the starts of the open windows whose end lies the lateness or more before `until_ms`."""
        return tuple(sorted(start for start in self._opened if start + self._length + self._lateness <= until_ms))

    def close(self, start: int) -> None:
        """Close a window and everything before it."""
        self._remembered[start] = self._opened.pop(start)
        self._boundary = max(self._boundary or 0, start + self._length)

    def needed(self, since_ms: int) -> Iterable[int]:
        """Return first offsets: of every open window, and of closed ones that begin at `since_ms` or later."""
        self._remembered = {start: offset for start, offset in self._remembered.items() if start >= since_ms}
        return (*self._opened.values(), *self._remembered.values())
