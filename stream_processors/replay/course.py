"""The course of a replay: processors are wired as in production, the log is handed out, time passes with it.

Each processor reads from the log what it read in production, derived records included, and nothing that
another one emits here. So a difference stays where it arose, and the order in which windows of several
partitions reached the log, which is a fact and not a conclusion, is kept.
"""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from functools import cached_property, partial

from schemas.codec import to_unix_ms
from schemas.configuration import Configuration
from schemas.observations import WindowClosed
from schemas.record import Record
from schemas.settings import Settings
from schemas.topics import (
    ALERTS_CHANGED,
    DRIFT_MEASURED,
    FEEDBACK_GIVEN,
    INFERENCE_RESPONDED,
    METRICS_WINDOW_CLOSED,
    RETRAINING_REQUESTED,
    SCORES_RECORDED,
    Topic,
)
from stream_processors.detectors.drift import build_drift
from stream_processors.frame.delivery import Source
from stream_processors.frame.frame import Frame
from stream_processors.frame.history import deliveries_of
from stream_processors.monitors.monitors import build_monitors, closing_ms
from stream_processors.replay.frame import Clock, ReplayedProcessor
from stream_processors.replay.log import Logged
from stream_processors.windows.functional import build_functional
from stream_processors.windows.windows import Bounds

BUILDERS: dict[str, Callable[[Frame], None]] = {
    "functional": build_functional,
    "drift": build_drift,
    "monitors": build_monitors,
}
READ = (INFERENCE_RESPONDED, FEEDBACK_GIVEN, SCORES_RECORDED, METRICS_WINDOW_CLOSED, DRIFT_MEASURED)
COMPARED = (METRICS_WINDOW_CLOSED, DRIFT_MEASURED, ALERTS_CHANGED)
# What the monitors had told before a replay that begins within the log. Detectors begin anew there.
_TOLD = frozenset({ALERTS_CHANGED.name, RETRAINING_REQUESTED.name})


def wired(
    settings: Settings, configuration: Configuration, sources: Iterable[Source], *, start: int
) -> tuple[Clock, Sequence[ReplayedProcessor]]:
    """Return the processors, each with all partitions of its topics assigned, and their clock.

    Args:
        sources: The log's partitions.
        start: Unix milliseconds at which the clock stands.
    """
    clock = Clock(start)
    told = partial(told_before, settings, start)
    held = frozenset(sources)
    reports = Reports(settings, clock, closing=closing_ms(Bounds.of(configuration.windows)))
    processors = []
    for name, build in BUILDERS.items():
        processor = ReplayedProcessor(name, settings, configuration, clock=clock, read_back=told)
        processor.dealt_with = reports.dealt_with
        build(processor)
        processor.forget(frozenset(source for source in held if source.topic in processor.topics))
        processors.append(processor)
    return clock, processors


class Reports:
    """When the log got the windows of each source partition: what functional's commits told at a time.

    They are not in the log, but what followed them is: functional had dealt with a partition if no window
    that was due by then was reported of it later.

    Args:
        clock: The replay's.
        closing: How long after its end a window is due.
    """

    def __init__(self, settings: Settings, clock: Clock, *, closing: int) -> None:
        self._settings = settings
        self._clock = clock
        self._closing = closing
        self._since = clock.now

    def dealt_with(self, partitions: Collection[Source]) -> frozenset[tuple[str, int]]:
        """Return those of some partitions of which every window that is due now has been reported."""
        now = self._clock.now
        behind = {source for source, logged, end in self._reported if logged > now and end <= now - self._closing}
        return frozenset(partitions) - behind

    @cached_property
    def _reported(self) -> list[tuple[Source, int, int]]:
        return [
            (
                Source(window.source_topic, window.source_partition),
                to_unix_ms(found.logged_at),
                to_unix_ms(window.window_end),
            )
            for found in deliveries_of(self._settings, METRICS_WINDOW_CLOSED, self._since)
            if isinstance(window := found.record, WindowClosed)
        ]


def told_before(settings: Settings, start: int, topic: Topic) -> list[Record]:
    """Return the alerts or orders that the log held at `start`; of other topics nothing."""
    if topic.name not in _TOLD:
        return []
    found = deliveries_of(settings, topic)
    return [delivery.record for delivery in found if to_unix_ms(delivery.logged_at) < start]


async def course(
    log: Iterable[Logged], clock: Clock, processors: Sequence[ReplayedProcessor], *, until: int
) -> AsyncIterator[Sequence[Record]]:
    """Let the log pass until an instant (Unix ms); yield what is emitted at each tick of any processor."""
    for logged in log:
        if logged.at > until:
            break
        async for emitted in _pass_time(clock, processors, logged.at):
            yield emitted
        deliveries = logged.deliveries
        for processor in processors:
            if logged.source.topic in processor.topics:
                processor.put(logged.source.topic, deliveries)
    async for emitted in _pass_time(clock, processors, until):
        yield emitted


async def _pass_time(
    clock: Clock, processors: Sequence[ReplayedProcessor], until: int
) -> AsyncIterator[Sequence[Record]]:
    """Tick whoever is due before `until`; a tick sees all that is logged up to its instant."""
    while (due := min(processor.due for processor in processors)) < until:
        clock.now = due
        for processor in processors:
            if processor.due == due:
                yield await processor.tick()
    clock.now = max(clock.now, until)
