"""Windows of what was served: volume, errors, latency, tokens, cost, feedback. Consumes responses and feedback.

One WindowClosed for each (series, window, source partition); the monitors merge the partitions'. Open
windows live in memory only: the committed offset stays at the first offset of the oldest open one, so
a restart reads it again and reaches the same numbers (stream_processors.windows.windows says when a window
closes and what is late, stream_processors.windows.joins how feedback finds its answers).

After a restart or rebalance the answers that feedback may still name are read again from the log, one
join horizon back, before the first feedback of the partition is taken.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from schemas.codec import to_unix_ms
from schemas.feedback import FeedbackGiven
from schemas.inference import InferenceResponded
from schemas.observations import WindowClosed
from schemas.topics import FEEDBACK_GIVEN, INFERENCE_RESPONDED
from services.clients.bus.patience import patiently
from services.clients.bus.topics import topic_ids
from stream_processors.frame.delivery import Delivery, Source
from stream_processors.frame.frame import Frame
from stream_processors.frame.history import deliveries_since
from stream_processors.windows.answers import Answer, answer_of
from stream_processors.windows.joins import FeedbackJoin
from stream_processors.windows.served import ServedResponses
from stream_processors.windows.windows import Bounds, Cell, OpenWindows, window_closed

TICK_S = 0.25
BATCH = 500


def build_functional(processor: Frame) -> None:
    """Wire the windows into a processor."""
    functional = Functional(processor)
    processor.floor = functional.floor
    processor.forget = functional.forget
    processor.consume(INFERENCE_RESPONDED, handle=functional.take_responses, batch=BATCH)
    processor.consume(FEEDBACK_GIVEN, handle=functional.take_feedback, batch=BATCH)
    processor.every(TICK_S, functional.close_idle)


class _Assignment:
    """Open windows and joins of one assignment; a handler that outlives it works on what is thrown away."""

    def __init__(self, bounds: Bounds, partitions: Iterable[int], labels: Mapping[str, Sequence[str]]) -> None:
        self.length = bounds.length
        self.topic_ids: dict[str, str] = {}
        self.joins = {partition: FeedbackJoin(bounds, labels=labels) for partition in partitions}
        self.responses = {partition: ServedResponses(bounds, join) for partition, join in self.joins.items()}

    def count(self, deliveries: Iterable[Delivery]) -> None:
        """Count responses and remember their answers."""
        place = None
        for delivery in deliveries:
            if place != (delivery.source, delivery.offset):
                place = (delivery.source, delivery.offset)
                served = self.responses[delivery.source.partition]
                served.begin(delivery.offset, delivery.logged_at)
            responded = delivery.record
            assert isinstance(responded, InferenceResponded)
            served.count(responded)

    def close(self) -> list[WindowClosed]:
        """Return the windows that have closed."""
        closed: list[WindowClosed] = []
        for partition, served in self.responses.items():
            closed += self._events(served.close(), Source(INFERENCE_RESPONDED.name, partition))
            judged = self.joins[partition].close(served.windows.watermark)
            closed += self._events(judged, Source(FEEDBACK_GIVEN.name, partition))
        return closed

    def _events(self, cells: Sequence[Cell], source: Source) -> list[WindowClosed]:
        series = Counter(cell.start for cell in cells)
        return [
            window_closed(cell, source, self.topic_ids[source.topic], self.length, series[cell.start]) for cell in cells
        ]


class Functional:
    """The windows of the partitions this process owns at present."""

    def __init__(self, processor: Frame) -> None:
        self._processor = processor
        self._bounds = Bounds.of(processor.configuration.windows)
        self._labels = {app.name: app.labels for app in processor.configuration.apps if app.labels}
        self._now = _Assignment(self._bounds, (), self._labels)

    def forget(self, sources: frozenset[Source]) -> None:
        """Start anew with the partitions of an assignment.

        Raises:
            ValueError: Responses and feedback of a partition number went to different workers.
        """
        responses = {source.partition for source in sources if source.topic == INFERENCE_RESPONDED.name}
        feedback = {source.partition for source in sources if source.topic == FEEDBACK_GIVEN.name}
        if responses != feedback:
            raise ValueError(f"{INFERENCE_RESPONDED.name} and {FEEDBACK_GIVEN.name} need the same number of partitions")
        self._now = _Assignment(self._bounds, responses, self._labels)

    def floor(self, source: Source) -> int | None:
        """Return the first offset that an open window of a partition needs."""
        if source.topic == INFERENCE_RESPONDED.name:
            return self._now.responses[source.partition].windows.floor
        return self._now.joins[source.partition].floor

    async def take_responses(self, deliveries: Sequence[Delivery]) -> Iterable[WindowClosed]:
        """Count responses, remember their answers, return the windows that have closed."""
        now = await self._ready()
        now.count(deliveries)
        return now.close()

    async def take_feedback(self, deliveries: Sequence[Delivery]) -> Iterable[WindowClosed]:
        """Put feedback into its windows, return the windows that have closed."""
        now = await self._ready()
        for delivery in deliveries:
            feedback, partition = delivery.record, delivery.source.partition
            assert isinstance(feedback, FeedbackGiven)
            logged = to_unix_ms(delivery.logged_at)
            if (since := now.joins[partition].missing_since(logged)) is not None:
                now.joins[partition].restore(await asyncio.to_thread(self._answers_since, partition, since))
            occurred = to_unix_ms(feedback.occurred_at)
            now.joins[partition].wait(feedback, occurred=occurred, logged=logged, offset=delivery.offset)
        return now.close()

    def close_idle(self) -> Iterable[WindowClosed]:
        """Let the clock pass on partitions that hold nothing more, return the windows that have closed."""
        for partition, served in self._now.responses.items():
            self._pass_time(Source(INFERENCE_RESPONDED.name, partition), served.windows)
            self._pass_time(Source(FEEDBACK_GIVEN.name, partition), self._now.joins[partition].windows)
        return self._now.close()

    def _pass_time(self, source: Source, windows: OpenWindows) -> None:
        caught_up = self._processor.caught_up_at(source)
        if caught_up is not None:
            windows.watermark = max(windows.watermark, caught_up)

    async def _ready(self) -> _Assignment:
        """A re-created topic starts at offset 0 again, so windows are told apart by their topic's id too."""
        now = self._now
        if not now.topic_ids:
            now.topic_ids = await asyncio.to_thread(patiently, topic_ids, self._processor.settings)
        return now

    def _answers_since(self, partition: int, since: int) -> list[tuple[str, Answer]]:
        source = Source(INFERENCE_RESPONDED.name, partition)
        return [
            (delivery.record.request_id, answer_of(delivery.record, to_unix_ms(delivery.logged_at)))
            for delivery in deliveries_since(self._processor.settings, source, since)
            if isinstance(delivery.record, InferenceResponded)
        ]
