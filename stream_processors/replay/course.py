"""The course of a replay: processors are wired as in production, the log is handed out, time passes with it.

Each processor reads from the log what it read in production, derived records included, and nothing that
another one emits here. So a difference stays where it arose, and the order in which windows of several
partitions reached the log, which is a fact and not a conclusion, is kept.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from functools import partial

from schemas.codec import to_unix_ms
from schemas.configuration import Configuration
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
from stream_processors.delivery import Source
from stream_processors.drift import build_drift
from stream_processors.frame import Frame
from stream_processors.functional import build_functional
from stream_processors.history import deliveries_since
from stream_processors.monitors import build_monitors
from stream_processors.replay.frame import Clock, ReplayedProcessor
from stream_processors.replay.log import Logged

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
    processors = []
    for name, build in BUILDERS.items():
        processor = ReplayedProcessor(name, settings, configuration, clock=clock, read_back=told)
        build(processor)
        processor.forget(frozenset(source for source in held if source.topic in processor.topics))
        processors.append(processor)
    return clock, processors


def told_before(settings: Settings, start: int, topic: Topic) -> list[Record]:
    """Return the alerts or orders that the log held at `start`; of other topics nothing."""
    if topic.name not in _TOLD:
        return []
    sources = [Source(topic.name, number) for number in range(topic.partitions)]
    found = (delivery for source in sources for delivery in deliveries_since(settings, source, 0))
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
