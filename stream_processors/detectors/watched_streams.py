"""All watched streams of a processor: places observations, closes windows, knows what a restart needs."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from schemas.codec import to_unix_ms
from schemas.configuration import Drift
from schemas.observations import DriftMeasured
from schemas.record import Series
from schemas.reference import Reference
from stream_processors.detectors.drift_windows import Timeline
from stream_processors.detectors.metric_detectors import Observation, Watch
from stream_processors.detectors.population_stability import PopulationStability
from stream_processors.detectors.saved_state import SavedLane, SavedWatch
from stream_processors.frame.delivery import Delivery, Source
from stream_processors.windows.windows import SKEW_MS

IDLE_AFTER_MS = 5_000
FORGOTTEN_AFTER_MS = round(timedelta(days=7).total_seconds() * 1000)

References = Callable[[str, str], Reference | None]


@dataclass(slots=True)
class _Lane:
    """One metric within one partition. Metrics come from different processes, each with a lag of its own.

    Attributes:
        logged_at: Greatest log time of its observations, Unix milliseconds.
        watches: By series and scorer with version: scores of different versions are never one series.
    """

    metric: str
    timeline: Timeline
    logged_at: int = 0
    watches: dict[tuple[Series, str], Watch] = field(default_factory=dict)

    def saved(self) -> SavedLane:
        watches = tuple(watch.saved() for watch in self.watches.values())
        return SavedLane(self.metric, self.timeline.boundary_ms, watches)


class Lanes:
    """State of the drift processor under one assignment.

    Args:
        drift: Detectors' configuration.
        length: Of the windows.
        lateness: How long a window stays open past its end.
        references: Finds the reference of (app, version).
    """

    def __init__(self, drift: Drift, *, length: timedelta, lateness: timedelta, references: References) -> None:
        self._drift = drift
        self._length = round(length.total_seconds() * 1000)
        self._lateness = round(lateness.total_seconds() * 1000)
        self._references = references
        self._lanes: dict[Source, dict[str, _Lane]] = {}
        self._absorbed: dict[Source, int] = {}
        self.late = 0

    def restore(self, source: Source, lanes: Iterable[SavedLane], *, offset: int) -> None:
        """Take up what was saved of a partition before its message at `offset`.

        Feed it then every message from the floor saved with it: those before `offset` fill the open
        windows and do nothing else.
        """
        self._lanes[source] = {lane.metric: self._restored(lane) for lane in lanes}
        self._absorbed[source] = offset

    def saved(self, source: Source) -> tuple[SavedLane, ...]:
        """Return what a restart needs to go on here; not before what was absorbed has been fed again."""
        return tuple(lane.saved() for lane in self._lanes.get(source, {}).values())

    def take(self, observation: Observation, delivery: Delivery) -> Iterator[DriftMeasured]:
        """Take one observation; yield what it detected and what the windows that it closed measured."""
        lane = self._lane(delivery.source, observation.metric)
        at, logged_at = to_unix_ms(observation.at), to_unix_ms(delivery.logged_at)
        yield from self._close_silent(lane, logged_at)
        lane.logged_at = max(lane.logged_at, logged_at)
        absorbed = delivery.offset < self._absorbed.get(delivery.source, 0)
        start = lane.timeline.place(at, offset=delivery.offset, logged_at_ms=logged_at)
        if start is None:
            self.late += not absorbed
            return
        yield from self._watch(lane, observation, start).observe(start, observation, absorbed=absorbed)
        yield from self._close(lane, lane.timeline.watermark_ms)

    def close_idle(self, caught_up_at: Callable[[Source], int | None]) -> Iterator[DriftMeasured]:
        """Close what no observation has come to close for five seconds of log time, and none is there to.

        The next observation, by its own log time, would close these and maybe more, so when this is called
        makes no difference to what is measured, only to how soon it is told.

        Args:
            caught_up_at: When (Unix ms) all messages of a partition were dealt with; None if they are not.
        """
        for source, lanes in self._lanes.items():
            caught_up = caught_up_at(source)
            if caught_up is not None:
                for lane in lanes.values():
                    yield from self._close_silent(lane, caught_up - SKEW_MS)

    def floor(self, source: Source) -> int | None:
        """Return the first offset that an open window needs."""
        floors = [lane.timeline.floor for lane in self._lanes.get(source, {}).values()]
        return min((floor for floor in floors if floor is not None), default=None)

    def _lane(self, source: Source, metric: str) -> _Lane:
        lanes = self._lanes.setdefault(source, {})
        if metric not in lanes:
            lanes[metric] = _Lane(metric, Timeline(length_ms=self._length, lateness_ms=self._lateness))
        return lanes[metric]

    def _restored(self, saved: SavedLane) -> _Lane:
        timeline = Timeline(length_ms=self._length, lateness_ms=self._lateness, boundary_ms=saved.boundary_ms)
        watches = {
            (watch.series, watch.scorer): Watch(saved.metric, self._drift, saved=watch, length_ms=self._length)
            for watch in saved.watches
        }
        return _Lane(saved.metric, timeline, watches=watches)

    def _watch(self, lane: _Lane, observation: Observation, start: int) -> Watch:
        of = (observation.series, observation.scorer)
        watch = lane.watches.get(of)
        if watch is None:
            saved = SavedWatch(series=observation.series, model=observation.model, scorer=observation.scorer)
            watch = Watch(lane.metric, self._drift, saved=saved, length_ms=self._length)
            lane.watches[of] = watch
        if watch.opens(start):
            watch.open(start, self._stability(observation))
        return watch

    def _stability(self, observation: Observation) -> PopulationStability | None:
        """Return the comparison with the version's reference, if that was made by the same version of the scorer."""
        reference = self._references(observation.series.app, observation.series.adapter_version)
        if reference is None or observation.metric not in reference.histograms:
            return None
        if reference.scorers.get(observation.metric, observation.scorer) != observation.scorer:
            return None
        return PopulationStability.against(reference.histograms[observation.metric])

    def _close_silent(self, lane: _Lane, now_ms: int) -> Iterator[DriftMeasured]:
        if now_ms - lane.logged_at >= IDLE_AFTER_MS:
            yield from self._close(lane, now_ms)

    def _close(self, lane: _Lane, until_ms: int) -> Iterator[DriftMeasured]:
        for start in lane.timeline.due(until_ms):
            lane.timeline.close(start)
            for watch in lane.watches.values():
                yield from watch.close(start)
            # A version that is served no more would stay for ever; in event time, so a replay does the same.
            kept = start - FORGOTTEN_AFTER_MS
            lane.watches = {of: watch for of, watch in lane.watches.items() if watch.last_start >= kept}
