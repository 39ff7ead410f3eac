"""Which messages of a partition a restart must read again to know the windows still of interest. Pure.

The committed offset stays at the first message of the oldest window kept. A restart that begins there
has every message of the windows kept, but only some of older ones; the window of the very first message
it reads is one of those kept, so windows from that one on are whole, and earlier ones are ignored.
"""


class Retention:
    """First offsets of the windows kept of one partition.

    Attributes:
        whole_from: Windows that begin before this lack messages; Unix milliseconds.
    """

    def __init__(self) -> None:
        self._first_offsets: dict[int, int] = {}
        self.whole_from: int | None = None

    @property
    def floor(self) -> int | None:
        """First offset needed."""
        return min(self._first_offsets.values(), default=None)

    def note(self, start: int, offset: int) -> bool:
        """Note a message of the window that begins at `start`; return whether that window is whole."""
        if self.whole_from is None:
            self.whole_from = start if offset else 0
        if start < self.whole_from:
            return False
        self._first_offsets.setdefault(start, offset)
        return True

    def drop(self, before: int) -> None:
        """Let go of windows that begin before an instant, but never of the youngest."""
        youngest = max(self._first_offsets, default=0)
        kept = {start: offset for start, offset in self._first_offsets.items() if start >= before or start == youngest}
        self._first_offsets = kept
