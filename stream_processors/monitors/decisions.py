"""What the monitors know of recent windows, and what they conclude from those that are complete. Pure.

Fed by stream_processors.monitors.monitors, which knows how far each kind of window is complete. A fuller partial
that comes after its window was judged corrects it; the present is then judged again, against the alert
as it stands by then, so that a correction never alerts twice.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from schemas.codec import to_unix_ms
from schemas.configuration import Configuration, Monitor
from schemas.durations import parse_duration
from schemas.metrics import Kind, kind_of
from schemas.observations import DriftMeasured, ScoresRecorded, WindowClosed
from schemas.record import Series, series_of
from schemas.scoring import score_metrics
from stream_processors.monitors import partials, weighted_scores
from stream_processors.monitors.firing import SPAN, Change, Observation, Standing, Target, judge, silenced, window_ms
from stream_processors.monitors.partials import Measure, Partials
from stream_processors.monitors.recent_windows import DriftShelf, Shelf
from stream_processors.monitors.weighted_scores import Tally

_EVER = 1 << 62
SLACK = 4  # windows kept beyond those judged: how far partitions may be apart after a restart


class Decision(NamedTuple):
    """A monitor's conclusion about a target."""

    monitor: Monitor
    target: Target
    change: Change


class Board:
    """Recent windows of all series, and the last alert of each target.

    Attributes:
        standings: The last alert by target; the caller updates it with what it emits.
    """

    def __init__(self, configuration: Configuration, standings: dict[Target, Standing]) -> None:
        self.standings = standings
        self._windows: Shelf[Partials] = Shelf(Partials, _over_partials)
        self._scores: Shelf[Tally] = Shelf(Tally, self._over_tallies)
        self._drift = DriftShelf()
        self._shelves: dict[Kind, Shelf[Partials] | Shelf[Tally] | DriftShelf] = {
            "window": self._windows,
            "score": self._scores,
            "drift": self._drift,
        }
        self._measured: dict[tuple[Target, int], Observation] = {}
        self._judged_until: dict[Target, int] = {}
        self._last_seen: dict[Target, int] = {}
        self.configure(configuration)

    def configure(self, configuration: Configuration) -> None:
        """Take another configuration's monitors; what is known stays."""
        self._monitors = configuration.monitors
        self._score_metrics = score_metrics(configuration.scorers)
        self._length = _ms(configuration.windows.length)
        self._drift_window = _ms(configuration.drift.window)
        self._measured.clear()

    def start_of(self, record: WindowClosed | ScoresRecorded | DriftMeasured) -> int:
        """Return the start of the cell that a record belongs to."""
        if isinstance(record, ScoresRecorded):
            occurred = to_unix_ms(record.occurred_at)
            return occurred - occurred % self._length
        return to_unix_ms(record.window_end if isinstance(record, DriftMeasured) else record.window_start)

    def put(self, record: WindowClosed | ScoresRecorded | DriftMeasured, *, whole_from: int) -> bool:
        """Take a record and return whether it changes what is known of its window.

        Args:
            whole_from: Start of the first window of its partition that lacks nothing.
        """
        kind: Kind
        series, start = series_of(record), self.start_of(record)
        if isinstance(record, DriftMeasured):
            self._drift.put(series, record)
            kind, changed = "drift", True
        elif isinstance(record, ScoresRecorded):
            kind, changed = "score", self._scores.cell(series, start, whole_from=whole_from).put(record)
        else:
            kind, changed = "window", self._windows.cell(series, start, whole_from=whole_from).put(record)
        if changed:
            self._correct(kind, series, start)
        return changed

    def decide(self, complete_until: Callable[[str], int]) -> Iterator[Decision]:
        """Yield the changes called for by complete windows, in order; update `standings` in between.

        Args:
            complete_until: End of the last complete window of a metric, Unix milliseconds.
        """
        for monitor in self._monitors:
            kind, until = kind_of(monitor.metric), complete_until(monitor.metric)
            for target, series in self._targets(monitor, kind).items():
                yield from self._decide(monitor, target, series, until=until)
            for target, standing in list(self.standings.items()):
                if target.monitor == monitor.name:
                    last_seen = self._last_seen.get(target, 0)
                    change = silenced(monitor, standing, last_seen=last_seen, now=until)
                    if change:
                        yield Decision(monitor, target, change)

    def kept_from(self, kind: Kind, complete_until: Callable[[str], int]) -> int:
        """Return the start of the oldest cell of a kind that a monitor may still look at."""
        monitors = [monitor for monitor in self._monitors if kind_of(monitor.metric) == kind]
        return min((complete_until(m.metric) - self._span(m) for m in monitors), default=_EVER)

    def drop(self, kind: Kind, before: int) -> None:
        """Let go of what is older."""
        self._shelves[kind].drop(before)
        self._measured = {key: observation for key, observation in self._measured.items() if key[1] > before}

    def _decide(self, monitor: Monitor, target: Target, series: list[Series], *, until: int) -> Iterator[Decision]:
        shelf, width = self._shelves[kind_of(monitor.metric)], window_ms(monitor)
        every = sorted({end for one in series for end in shelf.ends(one, monitor.metric, width) if end <= until})
        if not every:
            return
        observations = [self._observe(monitor, target, series, end) for end in every]
        judged_until = self._judged_until.get(target, 0)
        fresh = [index for index, end in enumerate(every, 1) if end > judged_until] or [len(every)]
        for index in fresh:
            standing = self.standings.get(target)
            change = judge(monitor, observations[:index], standing, spacing=self._spacing(monitor))
            if change:
                yield Decision(monitor, target, change)
        self._judged_until[target] = max(judged_until, every[-1])
        self._last_seen[target] = max((o.end for o in observations if o.count), default=0)

    def _observe(self, monitor: Monitor, target: Target, series: Iterable[Series], end: int) -> Observation:
        observation = self._measured.get((target, end))
        if observation is None:
            shelf = self._shelves[kind_of(monitor.metric)]
            measure = shelf.measure(series, monitor.metric, end=end, width=window_ms(monitor))
            observation = self._measured[target, end] = Observation(end, measure.value, measure.count, measure.interval)
        return observation

    def _over_tallies(self, metric: str, tallies: Iterable[Tally]) -> Measure:
        return weighted_scores.measure(self._score_metrics[metric], tallies)

    def _targets(self, monitor: Monitor, kind: Kind) -> dict[Target, list[Series]]:
        targets: dict[Target, list[Series]] = {}
        for series in self._shelves[kind].series:
            if series.app == monitor.app and series.variant == monitor.variant:
                targets.setdefault(_target(monitor, series), []).append(series)
        return targets

    def _span(self, monitor: Monitor) -> int:
        return (monitor.for_ + SPAN + SLACK) * self._spacing(monitor)

    def _spacing(self, monitor: Monitor) -> int:
        drift = kind_of(monitor.metric) == "drift"
        return max(window_ms(monitor), self._drift_window) if drift else window_ms(monitor)

    def _correct(self, kind: Kind, series: Series, start: int) -> None:
        for monitor in self._monitors:
            if kind_of(monitor.metric) == kind:
                width = window_ms(monitor)
                end = start if kind == "drift" else start - start % width + width
                self._measured.pop((_target(monitor, series), end), None)


def _target(monitor: Monitor, series: Series) -> Target:
    version = series.adapter_version if "adapter_version" in monitor.per else ""
    tenant = series.tenant if "tenant" in monitor.per else ""
    return Target(monitor.name, series.app, version, series.variant, tenant)


def _over_partials(metric: str, cells: Iterable[Partials]) -> Measure:
    return partials.measure(metric, (partial for cell in cells for partial in cell.by_source.values()))


def _ms(duration: str) -> int:
    return round(parse_duration(duration).total_seconds() * 1000)
