"""Faust's Kafka driver with our ledger in place of its own idea of what may be committed.

Faust commits past unacknowledged messages (faust-streaming #606), which loses open windows when a
worker is killed. The three overridden methods of the consumer are the whole of what makes windows survive.
"""

import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar

import faust
from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder
from faust.exceptions import ConsumerNotStarted
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from mode import Service

from services.clients.bus.stamping import UNSENT, stamp
from stream_processors.frame.delivery import Source
from stream_processors.frame.ledger import Ledger

FETCH_WAIT_MS = 100
LOOK_S = FETCH_WAIT_MS / 2000


class PromptThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]  # as below
    """Fetches without long waits.

    A fetch is answered when one of its partitions has something, and one is under way at a time. It asks for the
    partitions whose last answer is used up; where those are the silent ones, the others wait for it to end, for
    1.5 s in Faust: one worker took in 2,000 events a second from a full log beside an empty one.
    """

    def _create_worker_consumer(self, transport: driver.Transport) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS
        return consumer


class Answers:
    """When the broker was asked for the answer that came last, which may have been long on its way.

    The client tells when it took in an answer. It asks again for a partition only after that, so the time at which
    one answer came is before the question behind the next.

    Attributes:
        asked_at: A time before the question behind the last answer that was noted; None for the first one.
    """

    def __init__(self) -> None:
        self.asked_at: int | None = None
        self._last: int | None = None

    def note(self, answered_at: int | None) -> None:
        """Take down when the last answer came, however often the same one."""
        if answered_at != self._last:
            self.asked_at, self._last = self._last, answered_at


class LedgerConsumer(driver.Consumer):  # type: ignore[misc]  # faust's modules carry no types that mypy follows here
    """Commits what the ledger allows, after everything emitted has been acknowledged."""

    logger = logging.getLogger("faust.consumer")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._answers: defaultdict[Source, Answers] = defaultdict(Answers)

    def _new_consumer_thread(self) -> PromptThread:
        return PromptThread(self, loop=self.loop, beacon=self.beacon)

    def _new_offset(self, tp: TP) -> int | None:
        self._acked[tp].clear()
        self._acked_index[tp].clear()
        self._gap[tp].clear()
        return self._ledger.committable(Source(tp.topic, tp.partition))

    def caught_up_at(self, source: Source, handled: int | None) -> int | None:
        """Return the Unix milliseconds before which all that was logged lies before `handled`, or None.

        `handled` is the offset behind the last message dealt with, None when there was none yet.
        """
        answers = self._answers[source]
        try:
            consumer, partition = self._thread._ensure_consumer(), driver.TopicPartition(*source)
            # The time is read first: an older time with a younger high watermark is still true.
            answers.note(consumer.last_poll_timestamp(partition))
            end = consumer.highwater(partition)
        except (ConsumerNotStarted, driver.IllegalStateError):
            return None
        start = self._committed_offset.get(TP(*source)) if handled is None else handled
        return answers.asked_at if end is not None and (start or 0) >= end else None

    @Service.task  # type: ignore[untyped-decorator]  # as above
    async def _note_answers(self) -> None:
        """Note nearly every answer, so that the one before the last is not long ago."""
        while not self.should_stop:
            for source, answers in list(self._answers.items()):
                with suppress(ConsumerNotStarted, driver.IllegalStateError):
                    consumer = self._thread._ensure_consumer()
                    answers.note(consumer.last_poll_timestamp(driver.TopicPartition(*source)))
            await self.sleep(LOOK_S)

    def lag(self) -> int | None:
        """Return how many messages of held partitions were not yet read; None until their ends are known.

        Right after a start it may be one short for each partition.
        """
        try:
            consumer = self._thread._ensure_consumer()
            held = [(consumer.highwater(partition), TP(*partition)) for partition in consumer.assignment()]
        except (ConsumerNotStarted, driver.IllegalStateError):
            return None
        read = self._read_offset
        ends = [(end, tp) for end, tp in held if end is not None]
        if len(ends) < len(held):
            return None
        behind: int = sum(max(0, end - (0 if (at := read.get(tp)) is None else at + 1)) for end, tp in ends)
        return behind

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        if not await self.app.before_commit():
            return False
        committed = await super()._commit(offsets)
        return bool(committed)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Freeze before Faust commits for the last time."""
        self._ledger.revoke(Source(tp.topic, tp.partition) for tp in revoked)
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Forget all state: Faust seeks every assigned partition back to its committed offset."""
        sources = frozenset(Source(tp.topic, tp.partition) for tp in assigned)
        self._ledger.assign(sources)
        self._answers.clear()
        self.app.on_new_assignment(sources)
        await super().on_partitions_assigned(assigned, generation_id)

    @property
    def _ledger(self) -> Ledger:
        ledger: Ledger = self.app.ledger
        return ledger


class _Batch(BatchBuilder):  # type: ignore[misc]  # as above
    def append(self, *, timestamp: int | None, **record: Any) -> Any:
        return super().append(timestamp=UNSENT, **record)

    def _build(self) -> bytearray:
        batch: bytearray = super()._build()
        stamp(batch)
        return batch


class StampingProducer(AIOKafkaProducer):  # type: ignore[misc]  # as above
    """Stamps its records when it sends them; services.clients.bus.stamping tells where that is needed."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        accumulator = self._message_accumulator
        accumulator.create_builder = partial(_Batch, accumulator._batch_size, accumulator._compression_type)


class LedgerProducer(driver.Producer):  # type: ignore[misc]  # as above
    """The driver's, or one that stamps."""

    logger = logging.getLogger("faust.producer")

    @property
    def _producer_type(self) -> type[AIOKafkaProducer]:
        return StampingProducer if self.app.stamps else AIOKafkaProducer


class LedgerTransport(driver.Transport):  # type: ignore[misc]  # as above
    """The driver, with our consumer and producer."""

    Consumer: ClassVar[type[Any]] = LedgerConsumer
    Producer: ClassVar[type[Any]] = LedgerProducer


class LedgerApp(faust.App):  # type: ignore[misc]  # as above
    """A Faust app whose commits follow a ledger.

    Attributes:
        ledger: What may be committed.
        stamps: Whether its producer says when its records were logged.
        before_commit: Awaited before each commit; False forbids it.
        on_new_assignment: Called with the partitions of each new assignment, before their messages.
    """

    logger = logging.getLogger("faust.app")
    ledger: Ledger
    stamps = False
    before_commit: Callable[[], Awaitable[bool]]
    on_new_assignment: Callable[[frozenset[Source]], None]

    def _new_transport(self) -> LedgerTransport:
        return LedgerTransport(self.conf.broker_consumer, self)
