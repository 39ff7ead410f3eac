"""The responses of one partition on their way into its windows: the path that every event takes. Pure.

Fed by stream_processors.windows.functional, message by message and event by event. What only a message can
change is settled when it begins; an event that falls where the one before it fell is counted without
looking at its time twice. The outcome is that of OpenWindows.place and Cell.count for each event.
"""

from datetime import datetime

from schemas.codec import from_unix_ms, to_unix_ms
from schemas.inference import InferenceResponded
from schemas.record import Series
from stream_processors.windows.answers import answer_of
from stream_processors.windows.joins import FeedbackJoin
from stream_processors.windows.windows import Bounds, Cell, OpenWindows


class ServedResponses:
    """Counts responses and remembers their answers.

    Attributes:
        windows: Those of the partition.
    """

    def __init__(self, bounds: Bounds, join: FeedbackJoin) -> None:
        self.windows = OpenWindows(bounds)
        self._bounds = bounds
        self._join = join
        self._offset = self._logged = 0
        self._start = -1
        self._cells: dict[tuple[str, str, str, str], Cell] = {}
        self._from = self._until = from_unix_ms(0)

    def begin(self, offset: int, logged_at: datetime) -> None:
        """Turn to the message at an offset; the events counted next are its own."""
        self._offset, self._logged = offset, to_unix_ms(logged_at)
        self.windows.watermark = max(self.windows.watermark, self._logged)
        self._join.read_from(offset, self._logged)
        self._from = self._until = logged_at

    def count(self, responded: InferenceResponded) -> None:
        """Count an event of the message and remember its answer."""
        occurred_at = responded.occurred_at
        late = False if self._from <= occurred_at < self._until else self._turn_to(occurred_at)
        key = (responded.app, responded.adapter_version, responded.variant._value_, responded.tenant)
        cell = self._cells.get(key)
        if cell is None:
            cell = self._cells[key] = self.windows.cell(
                Series(*key), responded.model, start=self._start, offset=self._offset
            )
        cell.last_offset = self._offset
        cell.count(responded, late=late)
        self._join.remember(responded.request_id, answer_of(responded, self._logged, cell.series))

    def close(self) -> list[Cell]:
        """Take out the cells whose window has closed, in a fixed order."""
        closed = self.windows.close()
        if closed:
            self._start, self._cells = -1, {}
            self._from = self._until
        return closed

    def _turn_to(self, occurred_at: datetime) -> bool:
        """Find the window of a time, and the span of times that fall there too; return whether it is late."""
        start, late = self.windows.place(to_unix_ms(occurred_at), self._logged)
        if start != self._start:
            self._start, self._cells = start, {}
        # A millisecond less at both ends: times finer than that are rounded.
        begin = max(start, self._logged - self._bounds.lateness) + 1
        end = begin if late else start + self._bounds.length - 1
        self._from, self._until = from_unix_ms(begin), from_unix_ms(end)
        return late
