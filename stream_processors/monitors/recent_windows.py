"""Recent windows of each series, by the time they begin, and metrics over them. Pure; held by the board."""

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from schemas.codec import to_unix_ms
from schemas.metrics import drift_metric
from schemas.observations import DriftMeasured
from schemas.record import Series
from stream_processors.monitors.partials import Measure

T = TypeVar("T")


class Shelf(Generic[T]):
    """Cells of the configured window length; a monitor's window is made of several."""

    def __init__(self, new: Callable[[], T], measure: Callable[[str, Iterable[T]], Measure]) -> None:
        self._new = new
        self._measure = measure
        self._cells: dict[Series, dict[int, T]] = {}
        self._whole_from: dict[Series, int] = {}

    @property
    def series(self) -> Iterable[Series]:
        """All series that have cells."""
        return self._cells.keys()

    def cell(self, series: Series, start: int, *, whole_from: int) -> T:
        """Return the cell of a series that begins at `start`; cells before `whole_from` are not to be had."""
        self._whole_from.setdefault(series, whole_from)
        return self._cells.setdefault(series, {}).setdefault(start, self._new())

    def ends(self, series: Series, metric: str, width: int) -> set[int]:
        """Return the ends of the windows of `width` that hold something and lack nothing."""
        begins = {start - start % width for start in self._cells[series]}
        return {begin + width for begin in begins if begin >= self._whole_from[series]}

    def measure(self, series: Iterable[Series], metric: str, *, end: int, width: int) -> Measure:
        """Return a metric over the window of `width` that ends at `end`."""
        cells = (self._cells[one] for one in series)
        return self._measure(metric, [cell for some in cells for at, cell in some.items() if end - width <= at < end])

    def drop(self, before: int) -> None:
        """Let go of cells that begin before an instant."""
        for series, cells in list(self._cells.items()):
            kept = {start: cell for start, cell in cells.items() if start >= before}
            if kept:
                self._cells[series] = kept
            else:
                del self._cells[series], self._whole_from[series]


class DriftShelf:
    """Drift measurements: each is a window of its own, whatever its length."""

    def __init__(self) -> None:
        self._measured: dict[Series, dict[tuple[str, int], Measure]] = {}

    @property
    def series(self) -> Iterable[Series]:
        """All series that have measurements."""
        return self._measured.keys()

    def put(self, series: Series, drift: DriftMeasured) -> int:
        """Take a measurement and return its end; ADWIN's value is its verdict, the others' their statistic."""
        end = to_unix_ms(drift.window_end)
        value = float(drift.drifted) if drift.method == "Adwin" else drift.value
        name = drift_metric(drift.metric, drift.method)
        self._measured.setdefault(series, {})[name, end] = Measure(value, drift.count)
        return end

    def ends(self, series: Series, metric: str, width: int) -> set[int]:
        """Return the ends of the measurements of a metric."""
        return {end for name, end in self._measured[series] if name == metric}

    def measure(self, series: Iterable[Series], metric: str, *, end: int, width: int) -> Measure:
        """Return the measurement that ends at `end`; of several series the one with the greatest value."""
        found = [measured[metric, end] for one in series if (metric, end) in (measured := self._measured[one])]
        return max(found, key=lambda measure: measure.value or 0.0)

    def drop(self, before: int) -> None:
        """Let go of measurements that end before an instant."""
        for series, measured in list(self._measured.items()):
            kept = {key: measure for key, measure in measured.items() if key[1] >= before}
            if kept:
                self._measured[series] = kept
            else:
                del self._measured[series]
