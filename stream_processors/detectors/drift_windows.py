"""Tumbling event-time windows over one stream within one partition: which are open, which are due."""


class Timeline:
    """Windows [start, start + length), all times Unix milliseconds.

    A window closes once, when the watermark passes its end by the lateness; the watermark is the
    latest event time seen, never ahead of the log's own clock. What comes for a closed window is late,
    and so is what comes for a window before the first record's.

    Attributes:
        boundary_ms: No window that begins before it opens any more; None before the first record.
    """

    def __init__(self, *, length_ms: int, lateness_ms: int, boundary_ms: int | None = None) -> None:
        self._length = length_ms
        self._lateness = lateness_ms
        self._opened: dict[int, int] = {}
        self.boundary_ms = boundary_ms
        self.watermark_ms = 0

    @property
    def floor(self) -> int | None:
        """First offset that an open window needs."""
        return min(self._opened.values(), default=None)

    def place(self, at_ms: int, *, offset: int, logged_at_ms: int) -> int | None:
        """Return the start of a record's window, opening it if need be, or None for a late record."""
        start = at_ms - at_ms % self._length
        if self.boundary_ms is None:
            self.boundary_ms = start
        if start < self.boundary_ms:
            return None
        self.watermark_ms = max(self.watermark_ms, min(at_ms, logged_at_ms))
        self._opened.setdefault(start, offset)
        return start

    def due(self, until_ms: int) -> tuple[int, ...]:
        """Return the starts of the open windows whose end lies the lateness or more before `until_ms`."""
        return tuple(sorted(start for start in self._opened if start + self._length + self._lateness <= until_ms))

    def close(self, start: int) -> None:
        """Close a window and everything before it."""
        del self._opened[start]
        self.boundary_ms = max(self.boundary_ms or 0, start + self._length)
