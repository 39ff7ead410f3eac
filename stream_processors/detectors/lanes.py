"""All watched streams of a processor: places observations, closes windows, knows what a restart needs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from schemas.codec import to_unix_ms
from schemas.configuration import Drift
from schemas.observations import DriftMeasured
from schemas.record import Series
from schemas.reference import Reference
from stream_processors.delivery import Delivery, Source
from stream_processors.detectors.population_stability import PopulationStability
from stream_processors.detectors.timeline import Timeline
from stream_processors.detectors.watch import Observation, Watch

MEMORY = 4
IDLE_AFTER = timedelta(seconds=5)

References = Callable[[str, str], Reference | None]


@dataclass(slots=True)
class _Lane:
    """One metric within one partition. Metrics come from different processes, each with a lag of its own."""

    timeline: Timeline
    last_taken: datetime
    watches: dict[Series, Watch] = field(default_factory=dict)


class Lanes:
    """State of the drift processor.

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
        self._lanes: dict[tuple[Source, str], _Lane] = {}
        self.late = 0

    def take(self, observation: Observation, delivery: Delivery, now: datetime) -> Iterator[DriftMeasured]:
        """Take one observation; yield what it detected and what the windows that it closed measured."""
        key = (delivery.source, observation.metric)
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = _Lane(Timeline(length_ms=self._length, lateness_ms=self._lateness), now)
        lane.last_taken = now
        at, logged_at = to_unix_ms(observation.at), to_unix_ms(delivery.logged_at)
        start = lane.timeline.place(at, offset=delivery.offset, logged_at_ms=logged_at)
        if start is None:
            self.late += 1
            return
        yield from self._watch(lane, observation, start).observe(start, observation)
        yield from self._close(lane, lane.timeline.watermark_ms)

    def close_idle(self, now: datetime) -> Iterator[DriftMeasured]:
        """Close by the wall clock what no record has come to close for five seconds.

        The one decision that a replay may take otherwise.
        """
        for lane in self._lanes.values():
            if now - lane.last_taken >= IDLE_AFTER:
                yield from self._close(lane, to_unix_ms(now))

    def floor(self, source: Source) -> int | None:
        """Return the first offset that a restart must read: of the open windows and the latest closed ones."""
        timelines = [lane.timeline for (of, _), lane in self._lanes.items() if of == source]
        newest = max((timeline.watermark_ms for timeline in timelines), default=0)
        since = newest - newest % self._length - MEMORY * self._length
        return min((offset for timeline in timelines for offset in timeline.needed(since)), default=None)

    def forget(self) -> None:
        """Drop everything."""
        self._lanes.clear()

    def _watch(self, lane: _Lane, observation: Observation, start: int) -> Watch:
        watch = lane.watches.get(observation.series)
        if watch is None:
            watch = lane.watches[observation.series] = Watch(observation, self._drift, length_ms=self._length)
        if watch.opens(start):
            watch.open(start, self._stability(observation))
        return watch

    def _stability(self, observation: Observation) -> PopulationStability | None:
        reference = self._references(observation.series.app, observation.series.adapter_version)
        histogram = reference.histograms.get(observation.metric) if reference else None
        return PopulationStability.against(histogram) if histogram else None

    def _close(self, lane: _Lane, until_ms: int) -> Iterator[DriftMeasured]:
        for start in lane.timeline.due(until_ms):
            lane.timeline.close(start)
            for watch in lane.watches.values():
                yield from watch.close(start)
