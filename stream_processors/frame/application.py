"""The factory of every stream processor: one Faust app, one consumer group, one process.

A processor is a function that is given the frame and wires its handlers into it. It is a plain
function from records to records wherever it can be:

    def build_safety(processor: Processor) -> None:
        heads = load_heads(processor.settings.data)

        async def score(deliveries: Sequence[Delivery]) -> Iterable[Record]:
            return [s for d in deliveries for s in await asyncio.to_thread(scores_of, d.record, heads)]

        processor.consume(INFERENCE_RESPONDED, handle=score, batch=64)

`stream_processors.__main__` wires it by name. A handler gets up to `batch` decoded records that are
there already or come within five milliseconds, and returns what is to be emitted; the records of a message
that holds many may come in several such calls. An exception in it stops
the process, nothing more is committed, and the restarted process reads the same records again; so
every handler must bear to see a record twice, and derive the ids of what it emits (schemas.ids).

A processor with state per partition also sets `floor` (the first offset its open state needs) and
`forget` (drop all state: every assigned partition is read again from its committed offset).

Order of effects for some messages: 1. handle their records, 2. put the results into the outbox, and so
on until all are handled, 3. advance the ledger. A commit waits until everything put before it is
acknowledged by the broker.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime
from functools import cache, partial, wraps
from itertools import islice
from typing import ParamSpec

import faust

from schemas.codec import BadElement, decode_elements, from_unix_ms
from schemas.configuration import Configuration
from schemas.record import Record
from schemas.settings import Settings
from schemas.topics import Topic
from services.clients.bus.progress import GroupProgress
from services.parts.runtime.metrics import counter
from stream_processors.frame.delivery import Delivery, Source
from stream_processors.frame.gathering import Gathering
from stream_processors.frame.history import records_of
from stream_processors.frame.ledger import Ledger
from stream_processors.frame.outbox import Outbox
from stream_processors.frame.transport import LedgerApp

Handler = Callable[[Sequence[Delivery]], Awaitable[Iterable[Record]]]
Act = Callable[[], Iterable[Record] | Awaitable[Iterable[Record]]]
P = ParamSpec("P")

BUFFERED_MESSAGES = 256
# Of one partition at once; what was asked for next and what is being handed out are held both, so a processor that is
# behind holds up to twice that of each partition, decompressed. A message that is larger comes by itself.
READ_AHEAD_BYTES = 1024 * 1024

log = logging.getLogger(__name__)


class Processor:
    """The frame of one processor.

    Attributes:
        floor: First offset of a partition that open state still needs; None where there is none.
        forget: Drops all state; called with the partitions of each new assignment.
        now: The wall clock.
        read_back: Returns all records of a topic up to its present end, partition by partition; it blocks.
        dealt_with: Returns those of some partitions of which functional has dealt with everything; it blocks.
        failure: What ended the processor, once it has failed.
    """

    def __init__(self, name: str, settings: Settings, configuration: Configuration) -> None:
        self.name = name
        self.settings = settings
        self.configuration = configuration
        self.floor: Callable[[Source], int | None] = lambda source: None
        self.forget: Callable[[frozenset[Source]], None] = lambda sources: None
        self.now: Callable[[], datetime] = partial(datetime.now, UTC)
        self.read_back: Callable[[Topic], list[Record]] = partial(records_of, settings)
        self.dealt_with: Callable[[Collection[Source]], frozenset[tuple[str, int]]] = GroupProgress(
            settings, "functional"
        ).caught_up
        self.failure: BaseException | None = None
        self.assigned = False
        self.app = _faust_app(name, settings)
        self._ledger = self.app.ledger = Ledger()
        self._read: dict[Source, int] = {}
        self._handled = cache(lambda topic: counter("driftloop_handled_total").labels(name, topic))
        self.outbox = Outbox(lambda topic, **message: self.app.producer.send(topic, **message))
        self.app.before_commit = self._before_commit
        self.app.on_new_assignment = self._on_new_assignment
        self.app.task(self._guarded(self.outbox.run))

    def consume(self, *topics: Topic, handle: Handler, batch: int = 1) -> None:
        """Hand the records of topics to a handler, in order within each partition."""

        gathering = Gathering(lambda messages: self._deal_with(messages, handle, batch), batch)

        async def agent(stream: faust.Stream) -> None:
            async for event in stream.events():
                await gathering.put(event.message)

        names = [topic.name for topic in topics]
        channel = self.app.topic(*names, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
        self.app.agent(channel, name="-".join((self.name, *names)))(self._guarded(agent))
        self.app.task(self._guarded(gathering.run))

    def every(self, seconds: float, act: Act) -> None:
        """Call `act` at intervals and emit what it returns; it may wait, but not halfway through a change of state.

        It is not called between a revoke and the assignment behind it: handlers that the revoke came
        upon may have changed the state by then, and what they returned is not emitted.
        """

        async def tick() -> None:
            while True:
                await asyncio.sleep(seconds)
                if self._ledger.between:
                    continue
                epoch, records = self._ledger.epoch, act()
                if isinstance(records, Awaitable):
                    records = await records
                if epoch == self._ledger.epoch:
                    self.outbox.put(records)
                    self._advance(self._read, epoch)

        self.app.task(self._guarded(tick))

    def caught_up_at(self, source: Source) -> int | None:
        """Return the last time (Unix ms) of which is known that all logged by then is dealt with; None if never.

        Nothing is logged later with a log time before it, clock skew aside.
        """
        caught_up: int | None = self.app.consumer.caught_up_at(source, self._read.get(source))
        return caught_up

    async def _deal_with(self, messages: Sequence[faust.types.Message], handle: Handler, batch: int) -> None:
        epoch, generation = self._ledger.epoch, self.app.consumer_generation_id
        current = [message for message in messages if message.generation_id == generation]
        deliveries = (delivery for message in current for delivery in self._decoded(message))
        while some := list(islice(deliveries, batch)):
            records = await handle(some)
            if epoch != self._ledger.epoch:
                return
            self.outbox.put(records)
        seen = {Source(message.topic, message.partition): message.offset + 1 for message in current}
        self._read.update(seen)
        self._advance(seen, epoch)
        await self.outbox.ease()

    def _advance(self, seen: dict[Source, int], epoch: int) -> None:
        for source, offset in seen.items():
            floor = self.floor(source)
            self._ledger.advance(source, offset if floor is None else min(floor, offset), epoch=epoch)

    def _decoded(self, message: faust.types.Message) -> list[Delivery]:
        source, offset = Source(message.topic, message.partition), message.offset
        logged_at = from_unix_ms(round(message.timestamp * 1000))
        verdicts = decode_elements(message.topic, message.value, message.headers or (), logged_at)
        deliveries = [
            Delivery(source, offset, logged_at, verdict) for verdict in verdicts if not isinstance(verdict, BadElement)
        ]
        self._handled(message.topic).inc(len(deliveries))
        if len(deliveries) < len(verdicts):
            self._skip(message, [verdict for verdict in verdicts if isinstance(verdict, BadElement)])
        return deliveries

    def _skip(self, message: faust.types.Message, bad: Sequence[BadElement]) -> None:
        counter("driftloop_skipped_total").labels(self.name, message.topic).inc(len(bad))
        place = (*message.tp, message.offset, bad[0].number)
        log.warning("skipped %s: topic=%s partition=%s offset=%s element=%s: %s", len(bad), *place, bad[0].reason)

    def _on_new_assignment(self, sources: frozenset[Source]) -> None:
        log.info("assigned: partitions=%s", len(sources))
        self._read.clear()
        try:
            self.forget(sources)
        except Exception as error:  # noqa: BLE001  the process loop: an assignment it can't work with ends it
            self.fail(error)
        self.assigned = True

    async def _before_commit(self) -> bool:
        try:
            await self.outbox.drain()
        except Exception as error:  # noqa: BLE001  the process loop: a failed delivery ends the process
            self.fail(error)
        return self.failure is None

    def _guarded(self, body: Callable[P, Awaitable[None]]) -> Callable[P, Awaitable[None]]:
        """Return a body whose exception fails the process; Faust's own way acks the message behind it."""

        @wraps(body)
        async def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
            try:
                await body(*args, **kwargs)
            except Exception as error:  # noqa: BLE001  the process loop: count nothing, freeze, stop
                self.fail(error)

        return guarded

    def fail(self, error: BaseException) -> None:
        """Freeze all commits and have the process stop with a status other than 0."""
        self._ledger.freeze()
        if self.failure is None:
            self.failure = error
            log.error("failed: %s", type(error).__name__, exc_info=error)


def _faust_app(name: str, settings: Settings) -> LedgerApp:
    datadir = settings.data / "faust" / f"{name}-{settings.ports[name]}"
    datadir.mkdir(parents=True, exist_ok=True)
    # As services.clients.bus.connection.group_options tells.
    tuned = {"broker_session_timeout": 10.0, "broker_heartbeat_interval": 3.0}
    if settings.broker == "light":
        tuned = {"broker_session_timeout": 6.0, "broker_heartbeat_interval": 1.5, "broker_rebalance_timeout": 6.0}
    app = LedgerApp(
        name,
        broker="kafka://" + settings.kafka.replace(",", ";kafka://"),
        origin="stream_processors",
        datadir=str(datadir),
        web_enabled=False,
        worker_redirect_stdouts=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        stream_wait_empty=False,
        stream_buffer_maxsize=BUFFERED_MESSAGES,
        broker_commit_interval=1.0,
        consumer_max_fetch_size=READ_AHEAD_BYTES,
        **tuned,
    )
    app.stamps = settings.broker == "light"
    return app
