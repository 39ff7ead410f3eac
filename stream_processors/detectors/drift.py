"""scores.recorded.v2 and metrics.window-closed.v1 → drift.measured.v1: has the traffic, or the error, changed?

Watched for each series of stable and canary answers:

    prompt.distance    PSI a window, ADWIN, Page-Hinkley
    prompt.injection   PSI a window
    prompt.harm        PSI a window
    feedback           e-detector on the error of judged answers, or Page-Hinkley

Scores that another version of a scorer gives are another series: its detectors begin anew, and PSI is measured only
where the reference was made by that version. What the new version changes is told by scorers.changed.v1.

The detectors' state survives kill -9 and rebalance: what is told is what an undisturbed run would tell,
with the same ids, some of it twice. Every few seconds a checkpoint of each partition is written to
drift.detectors-saved.v1; a new assignment takes up the last one. It holds what depends on all
observations; what depends on those of open windows is read again from the log.

Order of effects of a checkpoint before a partition's message at offset O:

1. Its state is captured, between two messages.
2. Everything told before O is acknowledged.
3. The checkpoint is written; by the time of the next one it is acknowledged.
4. The partition's floor moves to the first offset that a window open at O needs.

A kill before 3 leaves the checkpoint before it, and what was told since is told again. A kill after 3
leaves this one: messages from the floor on are read again, and those before O fill the open windows and
are not told again, which 2 allows. As commits follow the floor, no checkpoint needs a message behind the
committed offset. A state made by another release of River or with other settings of the detectors is not
taken up: they then begin anew.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence

from schemas.durations import parse_duration
from schemas.observations import DetectorsSaved, ScoresRecorded, WindowClosed
from schemas.record import Record, Variant, series_of
from schemas.topics import DETECTORS_SAVED, METRICS_WINDOW_CLOSED, SCORES_RECORDED
from services.clients.bus.patience import patiently
from services.clients.bus.topics import topic_ids
from services.clients.registry.artifacts import ArtifactStore
from services.parts.runtime.metrics import gauge
from stream_processors.detectors.checkpoints import Checkpoint, latest, made_with, to_records
from stream_processors.detectors.metric_detectors import METHODS, Observation
from stream_processors.detectors.watched_streams import Lanes
from stream_processors.frame.delivery import Delivery, Source
from stream_processors.frame.frame import Frame

FEEDBACK = "feedback"
BATCH = 500
SAVE_EVERY_S = 5.0

log = logging.getLogger(__name__)


def build_drift(processor: Frame) -> None:
    """Wire the processor."""
    detection = Detection(processor)
    gauge("driftloop_drift_late_observations").set_function(lambda: detection.late)
    processor.floor = detection.floor
    processor.forget = detection.forget
    for topic in (SCORES_RECORDED, METRICS_WINDOW_CLOSED):
        processor.consume(topic, handle=detection.take, batch=BATCH)
    processor.every(1.0, detection.close_idle)
    processor.every(SAVE_EVERY_S, detection.save)


class _Assignment:
    """What is known under one assignment; a handler that outlives it works on what is thrown away.

    Attributes:
        topic_ids: Empty until what was saved has been taken up.
        floors: First offset that a restart needs, by partition.
    """

    def __init__(self, sources: frozenset[Source], lanes: Lanes) -> None:
        self._sources = sources
        self.lanes = lanes
        self.lock = asyncio.Lock()
        self.topic_ids: dict[str, str] = {}
        self.floors: dict[Source, int] = {}
        self._read: dict[Source, int] = {}
        self._last: dict[Source, Checkpoint] = {}
        self._written: list[Checkpoint] = []

    def restore(self, checkpoints: Mapping[Source, Checkpoint]) -> int:
        """Take up what was saved of the partitions assigned; return of how many something was."""
        for source in self._sources & checkpoints.keys():
            checkpoint = checkpoints[source]
            self.lanes.restore(source, checkpoint.lanes, offset=checkpoint.offset)
            self.floors[source] = checkpoint.floor
            self._last[source] = checkpoint
        return len(self._last)

    def take(self, deliveries: Sequence[Delivery]) -> list[Record]:
        """Measure, and note how far."""
        for delivery in deliveries:
            self.floors.setdefault(delivery.source, delivery.offset)
            self._read[delivery.source] = delivery.offset + 1
        return measure_drift(deliveries, self.lanes)

    def checkpoints(self) -> list[Checkpoint]:
        """Return the state of every partition that has come further than its last checkpoint."""
        return [self._checkpoint(source, offset) for source, offset in self._read.items() if self._further(source)]

    def settle(self) -> None:
        """Note that what was written is acknowledged."""
        self.floors.update((checkpoint.source, checkpoint.floor) for checkpoint in self._written)

    def write(self, checkpoints: list[Checkpoint]) -> None:
        """Note what is written next."""
        self._written = checkpoints
        self._last.update((checkpoint.source, checkpoint) for checkpoint in checkpoints)

    def _further(self, source: Source) -> bool:
        last = self._last.get(source)
        return last is None or self._read[source] > last.offset

    def _checkpoint(self, source: Source, offset: int) -> Checkpoint:
        last, floor = self._last.get(source), self.lanes.floor(source)
        return Checkpoint(
            source=source,
            topic_id=self.topic_ids[source.topic],
            offset=offset,
            floor=offset if floor is None else floor,
            slot=0 if last is None or last.slot else 1,
            lanes=self.lanes.saved(source),
        )


class Detection:
    """The detectors of the partitions this process owns at present."""

    def __init__(self, processor: Frame) -> None:
        self._processor = processor
        self._made_with = made_with(processor.configuration)
        self._references = ArtifactStore(processor.settings.artifacts).reference
        self._late = 0
        self._now = _Assignment(frozenset(), self._lanes())

    @property
    def late(self) -> int:
        """Observations that came after their window."""
        return self._late + self._now.lanes.late

    def forget(self, sources: frozenset[Source]) -> None:
        """Start anew with the partitions of an assignment."""
        self._late = self.late
        self._now = _Assignment(sources, self._lanes())

    def floor(self, source: Source) -> int | None:
        """Return the first offset that a restart needs: that of the last checkpoint's open windows."""
        return self._now.floors.get(source)

    async def take(self, deliveries: Sequence[Delivery]) -> Iterable[Record]:
        """Return what records make the detectors tell."""
        now = self._now
        async with now.lock:
            if not now.topic_ids:
                await self._take_up(now)
        return now.take(deliveries)

    def close_idle(self) -> Iterable[Record]:
        """Return what is told of windows on partitions that hold nothing more."""
        return tuple(self._now.lanes.close_idle(self._processor.caught_up_at))

    async def save(self) -> Iterable[Record]:
        """Return a checkpoint of each partition that has come further; see the module for the order of effects."""
        now = self._now
        checkpoints = now.checkpoints()  # 1
        await self._processor.outbox.drain()  # 2, and 3 of the last time
        now.settle()  # 4 of the last time
        now.write(checkpoints)
        at = self._processor.now()
        return [part for checkpoint in checkpoints for part in to_records(checkpoint, made_with=self._made_with, at=at)]

    async def _take_up(self, now: _Assignment) -> None:
        """Restore what was saved, by this process or another, before the first record of an assignment."""
        await self._processor.outbox.drain()
        ids, saved = await asyncio.to_thread(self._read_back)
        found = latest(saved, made_with=self._made_with, topic_ids=ids)
        log.info("detectors taken up: partitions=%s of records=%s", now.restore(found), len(saved))
        now.topic_ids = ids

    def _read_back(self) -> tuple[dict[str, str], list[DetectorsSaved]]:
        records = self._processor.read_back(DETECTORS_SAVED)
        ids = patiently(topic_ids, self._processor.settings)
        return ids, [r for r in records if isinstance(r, DetectorsSaved)]

    def _lanes(self) -> Lanes:
        configuration = self._processor.configuration
        return Lanes(
            configuration.drift,
            length=parse_duration(configuration.drift.window),
            lateness=parse_duration(configuration.windows.lateness),
            references=self._references,
        )


def measure_drift(deliveries: Sequence[Delivery], lanes: Lanes) -> list[Record]:
    """Return what a batch of scores and windows makes the detectors tell, in order."""
    return [
        measured
        for delivery in deliveries
        for observation in observations_of(delivery.record)
        for measured in lanes.take(observation, delivery)
    ]


def observations_of(record: Record) -> Sequence[Observation]:
    """Return what detectors should see of a record: nothing of shadow answers, of other scores and of unjudged ones,
    and nothing of windows without feedback."""
    if record.variant is Variant.SHADOW:
        return ()
    if isinstance(record, ScoresRecorded):
        return _scores_of(record)
    return _error_of(record) if isinstance(record, WindowClosed) else ()


def _scores_of(record: ScoresRecorded) -> list[Observation]:
    series = series_of(record)
    return [
        Observation(series, record.model, score.name, record.occurred_at, score.value, 1, record.event_id, score.scorer)
        for score in record.scores
        if score.name in METHODS and score.value is not None
    ]


def _error_of(window: WindowClosed) -> Sequence[Observation]:
    """Return the window's error as often as answers were judged in it: their order within it is not known."""
    judged = round(window.counters.get("feedback", 0))
    if judged == 0:
        return ()
    error = 1 - window.counters.get("feedback_correct", 0) / judged
    # Not the event id: a replay may tell the rest of a window again, and the first telling is the whole one.
    identity = f"{window.window_start.isoformat()}|{window.source_topic}|{window.source_partition}"
    return (Observation(series_of(window), window.model, FEEDBACK, window.window_start, error, judged, identity),)
