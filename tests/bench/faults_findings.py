"""What tests.bench.faults finds when it compares the tables with what was sent."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TextIO

from schemas.codec import from_unix_ms
from schemas.configuration import Configuration
from schemas.configuration_parser import parse_configuration
from schemas.settings import Settings
from services.clients.warehouse.client import Warehouse
from stream_processors.windows.windows import Bounds
from tests.bench.comparison import Difference, Recount, Times, believed, differences
from tests.bench.comparison_alerts import Verdict, judge_alerts, undisturbed
from tests.bench.comparison_rows import TOPIC_OF, LogIndex, Rows, index_of
from tests.bench.load_events import SCORES_A_MESSAGE, Shape, number_of

_SMALL_TABLES = ("metric_windows", "drift_measurements", "alerts", "retrainings")
_SLACK = timedelta(minutes=2)
_MOST_LINES = 30


@dataclass(frozen=True, slots=True)
class Findings:
    """What is wrong, a line each; nothing when all is well."""

    lost: tuple[str, ...]
    doubled: tuple[str, ...]
    windows: tuple[Difference, ...]
    alerts: Verdict
    counted: dict[str, int]

    @property
    def judged(self) -> dict[str, int]:
        """The figures that must be 0."""
        return {
            "lost": len(self.lost),
            "doubled": len(self.doubled),
            "windows_differ": len({(difference.series, difference.start) for difference in self.windows}),
            "duplicate_alerts": len(self.alerts.twice) + len(self.alerts.unexpected),
            "missing_alerts": len(self.alerts.missing),
        }

    @property
    def figures(self) -> dict[str, int]:
        """All figures."""
        return {**self.judged, **self.counted, "alerts_revalued": len(self.alerts.revalued)}

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return not any(self.judged.values())

    def tell(self, out: TextIO = sys.stderr) -> None:
        """Print the first lines of each kind."""
        windows = [f"{_clock(d.start)} {d.series.adapter_version}/{d.series.variant} {d.reason}" for d in self.windows]
        told = {
            "lost": self.lost,
            "doubled": self.doubled,
            "window differs": windows,
            "alert told twice": self.alerts.twice,
            "alert unexpected": self.alerts.unexpected,
            "alert missing": self.alerts.missing,
            "alert revalued (not wrong)": self.alerts.revalued,
        }
        for name, lines in told.items():
            for line in lines[:_MOST_LINES]:
                print(f"{name}: {line}", file=out)
            if len(lines) > _MOST_LINES:
                print(f"{name}: and {len(lines) - _MOST_LINES} more", file=out)


def findings_of(settings: Settings, shape: Shape, made: dict[str, int]) -> Findings:
    """Compare the tables with what was sent, and what was derived with what should have been."""
    configuration = parse_configuration(settings.configuration.read_text())
    begin = from_unix_ms(shape.begin_ms)
    with Warehouse.connect(settings) as warehouse:
        rows = Rows(warehouse, begin - _SLACK, begin + timedelta(seconds=shape.seconds) + 2 * _SLACK)
        indexes = {kind: index_of(settings, topic, made[kind]) for kind, topic in TOPIC_OF.items()}
        lost, doubled = _presence(rows, indexes)
        doubled += [f"{table} {id_}" for table in _SMALL_TABLES for id_ in rows.repeated(table)]
        partials = believed(rows.windows())
        windows = differences(_recounted(rows, indexes, configuration).cells, partials)
        told = rows.alerts()
        expected = undisturbed(configuration, partials.values(), rows.scores())
        counted = {
            "windows": len({(cut.series, cut.start) for cut in partials}),
            "alerts": len(told),
            "late": sum(partial.late for partial in partials.values()),
            "sent_twice": sum(len(index.more) for index in indexes.values()),
            "stored_twice": sum(rows.stored_twice(table) for table in (*TOPIC_OF, *_SMALL_TABLES)),
        }
        ordering = {monitor.name for monitor in configuration.monitors if "retrain" in monitor.then}
        alerts = judge_alerts(told, expected, ordering=ordering, orders=rows.orders())
    return Findings(tuple(lost), tuple(doubled), tuple(windows), alerts, counted)


def _presence(rows: Rows, indexes: dict[str, LogIndex]) -> tuple[list[str], list[str]]:
    """Return the events that a table lacks, and those that readers see again."""
    lost: list[str] = []
    doubled: list[str] = []
    for table, index in indexes.items():
        id_, wanted = ("request_id", SCORES_A_MESSAGE) if table == "scores" else ("event_id", 1)
        seen = bytearray(len(index.first))
        for row in rows.events(table, id_):
            number = number_of(row[id_])
            if seen[number] == wanted:
                doubled.append(f"{table} {row[id_]}")
            seen[number] = min(seen[number] + 1, wanted)
        lost += [f"{table} {number} {_place(index, number)}" for number, known in enumerate(seen) if known < wanted]
    return lost, doubled


def _place(index: LogIndex, number: int) -> str:
    copies = index.copies(number)
    return "is not in the log" if not copies else "in the log at " + _all(copies)


def _all(copies: Sequence[tuple[int, int, int]]) -> str:
    return ", ".join(f"{partition}@{offset}" for partition, offset, _ in copies)


def _recounted(rows: Rows, indexes: dict[str, LogIndex], configuration: Configuration) -> Recount:
    bounds = Bounds.of(configuration.windows)
    judgements = list(rows.judgements(indexes["feedback"]))
    times = Times(bounds.length, bounds.lateness, bounds.horizon)
    recount = Recount(times, frozenset(judgement.request_id for judgement in judgements))
    for answered in rows.answers(indexes["responses"]):
        recount.answered(answered)
    for judgement in judgements:
        recount.judgement(judgement)
    return recount


def _clock(unix_ms: int) -> str:
    at: datetime = from_unix_ms(unix_ms)
    return f"{at:%H:%M:%S}"
