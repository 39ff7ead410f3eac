"""Open tumbling windows of one source partition, pure. Fed by stream_processors.windows.functional.

All times are Unix milliseconds. A window [start, end) holds what *occurred* in it. Whether a record
comes too late is a property of the record alone: its log time minus its time of occurrence exceeds
the lateness bound. A late record counts, as late only, in the window in which it was *logged*, so a
replay judges it the same.

A window closes when the partition's watermark reaches its end plus lateness plus SKEW_MS. Log times
may therefore run backwards within a partition, and clocks of producers, broker and this machine may
differ, by up to SKEW_MS without any effect on the result. A record that is out of order by more,
and whose window has closed, counts as late.
"""

import math
from dataclasses import dataclass, field

from schemas.codec import from_unix_ms
from schemas.configuration import Windows
from schemas.durations import parse_duration
from schemas.ids import derived_id
from schemas.inference import InferenceResponded
from schemas.observations import Sketch, WindowClosed
from schemas.record import Series, Variant
from schemas.sketches import Accumulator
from stream_processors.frame.delivery import Source

SKEW_MS = 500


@dataclass(frozen=True, slots=True)
class Bounds:
    """The times that rule windows, in milliseconds."""

    length: int
    lateness: int
    horizon: int

    @classmethod
    def of(cls, windows: Windows) -> "Bounds":
        """Return the bounds in a configuration."""
        texts = (windows.length, windows.lateness, windows.join_horizon)
        return cls(*(round(parse_duration(text).total_seconds() * 1000) for text in texts))

    @property
    def closing(self) -> int:
        """From a window's start to the watermark that closes it."""
        return self.length + self.lateness + SKEW_MS

    def window(self, occurred: int, logged: int) -> tuple[int, bool]:
        """Return the start of the window a record counts in, and whether it counts there as late."""
        late = logged - occurred > self.lateness
        instant = logged if late else occurred
        return instant - instant % self.length, late


@dataclass(slots=True)
class Cell:
    """One series' share of one window, in the making. Plain numbers: it is where each event ends up.

    Attributes:
        judged: What its feedback comes to, by the names that it has in WindowClosed.
    """

    series: Series
    model: str
    start: int
    first_offset: int
    last_offset: int
    responses: int = 0
    errors: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    unpriced: int = 0
    latency_ms: Accumulator = field(default_factory=Accumulator)
    ttft_ms: Accumulator | None = None
    judged: dict[str, float] = field(default_factory=dict)
    late: int = 0
    seen: set[str] = field(default_factory=set)

    def count(self, responded: InferenceResponded, *, late: bool) -> None:
        """Add a response, once however often it was sent."""
        seen = self.seen
        known = len(seen)
        seen.add(responded.event_id)
        if len(seen) == known:
            return
        if late:
            self.late += 1
            return
        usage = responded.usage
        self.responses += 1
        self.input_tokens += usage.input_tokens
        self.output_tokens += usage.output_tokens
        if responded.cost_usd is None:
            self.unpriced += 1
        else:
            self.cost_usd += responded.cost_usd
        self.latency_ms.add(responded.latency_ms)
        if responded.error_type:
            self.errors += 1
        if responded.ttft_ms is not None:
            self.ttft_ms = self.ttft_ms or Accumulator()
            self.ttft_ms.add(responded.ttft_ms)

    @property
    def counters(self) -> dict[str, float]:
        """The sums, by the names they have in WindowClosed; none of a kind of event that never came."""
        names: tuple[str, ...] = ()
        if self.responses:
            names += ("responses", "errors", "input_tokens", "output_tokens")
        if self.responses > self.unpriced:
            names += ("cost_usd",)
        if self.unpriced:
            names += ("unpriced",)
        return {name: float(getattr(self, name)) for name in names} | self.judged

    @property
    def sketches(self) -> dict[str, Sketch]:
        """The distributions, by the names they have in WindowClosed."""
        found = {"latency_ms": self.latency_ms if self.responses else None, "ttft_ms": self.ttft_ms}
        return {name: accumulator.sketch() for name, accumulator in found.items() if accumulator is not None}


class OpenWindows:
    """The cells of one partition, oldest first offset first.

    Attributes:
        watermark: Greatest log time seen, or the clock while the partition was seen to be idle.
    """

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._cells: dict[tuple[int, Series], Cell] = {}
        self._earliest: float = math.inf
        self.watermark = 0

    @property
    def floor(self) -> int | None:
        """First offset that an open window still needs; records are fed in the order of their offsets."""
        return next((cell.first_offset for cell in self._cells.values()), None)

    def cell(self, series: Series, model: str, *, start: int, offset: int) -> Cell:
        """Return the cell of a series in the window that begins at `start`, opened if need be."""
        cell = self._cells.get((start, series))
        if cell is None:
            cell = self._cells[start, series] = Cell(series, model, start, offset, offset)
            self._earliest = min(self._earliest, start)
        cell.last_offset = offset
        return cell

    def place(self, occurred: int, logged: int) -> tuple[int, bool]:
        """Raise the watermark and return the start of a record's window, and whether it is late."""
        self.watermark = max(self.watermark, logged)
        start, late = self._bounds.window(occurred, logged)
        if start + self._bounds.closing > self.watermark:
            return start, late
        return self._bounds.window(occurred=0, logged=self.watermark)

    def close(self) -> list[Cell]:
        """Take out the cells whose window the watermark has closed, in a fixed order."""
        if self._earliest + self._bounds.closing > self.watermark:
            return []
        due = [key for key in self._cells if key[0] + self._bounds.closing <= self.watermark]
        closed = [self._cells.pop(key) for key in sorted(due)]
        self._earliest = min((start for start, _ in self._cells), default=math.inf)
        return closed


def window_closed(cell: Cell, source: Source, topic_id: str, length: int, series_count: int = 1) -> WindowClosed:
    """Return the event of a closed cell; the same cell gives the same id on every replay."""
    series = cell.series
    identity = (series.app, series.adapter_version, series.variant, series.tenant, cell.start, length)
    place = (topic_id, source.partition, cell.first_offset, cell.last_offset)
    end = from_unix_ms(cell.start + length)
    return WindowClosed(
        event_id=derived_id("window", *identity, *place),
        occurred_at=end,
        app=series.app,
        model=cell.model,
        adapter_version=series.adapter_version,
        variant=Variant(series.variant),
        tenant=series.tenant,
        window_start=from_unix_ms(cell.start),
        window_end=end,
        source_topic=source.topic,
        source_partition=source.partition,
        first_offset=cell.first_offset,
        last_offset=cell.last_offset,
        counters=cell.counters,
        sketches=cell.sketches,
        late=cell.late,
        series_count=series_count,
    )
