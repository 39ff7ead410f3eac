"""What the bench of detectors found, and the two tables of docs/detection.md."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FalseAlarmRow:
    """Alarms without drift, per 100,000 events, with the upper 95 % bound."""

    detector: str
    stream: str
    fair: bool
    events: int
    alarms: int
    per_100000: float
    upper: float

    @property
    def cell(self) -> str:
        """The figure with its bound."""
        return f"{_shown(self.per_100000)} (≤ {_shown(self.upper)})"


@dataclass(frozen=True, slots=True)
class DelayRow:
    """Events from a change to its first alarm: median and ninth decile; least what is possible (Lorden 1971)."""

    detector: str
    before: float
    after: float
    median: float
    p90: float
    least: float

    @property
    def shift(self) -> str:
        """The change, and what is possible."""
        return f"{self.before:.0%} to {self.after:.0%} (least possible {self.least:.0f})"

    @property
    def cell(self) -> str:
        """Median and ninth decile."""
        return f"{self.median:,.0f} ({self.p90:,.0f})"


def markdown(alarms: Sequence[FalseAlarmRow], delays: Sequence[DelayRow]) -> str:
    """Return one table of false alarms and one of delays, a column for each detector."""
    sequential = [row for row in alarms if not row.detector.startswith("psi")]
    windows = [row for row in alarms if row.detector.startswith("psi")]
    tables = [_table((row.stream, row.detector, row.cell) for row in some) for some in (sequential, windows)]
    return "\n\n".join([*tables, _table((row.shift, row.detector, row.cell) for row in delays)])


def _table(rows: Iterable[tuple[str, str, str]]) -> str:
    cells: dict[str, dict[str, str]] = {}
    for line, column, cell in rows:
        cells.setdefault(line, {})[column] = cell
    columns = list(dict.fromkeys(column for by_column in cells.values() for column in by_column))
    lines = [["", *columns], ["---"] * (len(columns) + 1)]
    lines += [[line, *(by_column.get(column, "") for column in columns)] for line, by_column in cells.items()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _shown(value: float) -> str:
    return f"{value:.2g}" if value < 100 else f"{value:,.0f}"
