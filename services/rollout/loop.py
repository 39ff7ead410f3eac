"""The controller's loop: news and evidence in, states kept, changes told, replicas and aliases asked to follow."""

import logging
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from schemas.codec import BadRecord
from schemas.learning import RolloutChanged
from schemas.record import Record
from services.clients.bus.consumer import Consumer
from services.clients.bus.decoding import decoded
from services.clients.bus.errors import BusError
from services.clients.bus.message import Message
from services.clients.bus.producer import Producer
from services.parts.runtime.metrics import counter, gauge
from services.parts.runtime.process import Process
from services.rollout.aliases import AliasMover
from services.rollout.controller import Controller
from services.rollout.convergence import Converger
from services.rollout.measures import RolloutMeasures
from services.rollout.pairwise.comparing import PairComparer
from services.rollout.persistence import RolloutStore

log = logging.getLogger(__name__)

POLL_S = 0.3
FLUSH_S = 4.0


class Loop:
    """One round after another, in the order of effects that services.rollout.__main__ states."""

    def __init__(
        self,
        process: Process,
        store: RolloutStore,
        producer: Producer,
        converger: Converger,
        aliases: AliasMover,
        *,
        pairs: PairComparer | None = None,
    ) -> None:
        self._process = process
        self._store = store
        self._producer = producer
        self._converger = converger
        self._aliases = aliases
        self._pairs = pairs
        self._controller = Controller(store, process.configuration)
        self.measures = RolloutMeasures(self._controller)

    def run(self, consumer: Consumer) -> None:
        """Go on until the process is to stop."""
        # A broker may have lost its memory; telling the last change again does no harm.
        self._tell(self._store.last_changes())
        while not self._process.stopping.is_set():
            told = self.round(list(self._records(consumer.poll(POLL_S))), datetime.now(UTC))
            consumer.commit()  # 4
            gauge("driftloop_consumer_lag_records").labels(self._process.name).set(consumer.lag())
            caught_up = consumer.assigned and consumer.lag() <= self._process.settings.ready_lag
            self._process.conditions.update(started=True, assigned=consumer.assigned, caught_up=caught_up, told=told)

    def round(self, records: list[Record], now: datetime) -> bool:
        """Let records and the replicas' standing take effect; False when the bus did not take the changes."""
        self._controller.take(records, now)  # 1
        if self._pairs:
            self._controller.take_compared(self._pairs.outcomes())  # 1
            self._pairs.watch(self._controller.watches())
        self._converger.want(self._controller.wanted(self._process.settings.url("model_server")))
        self._controller.judge(self._converger.standing, now)  # 1
        for lane in self._controller.lanes.values():
            self._aliases.wish(lane)
        return self._tell(self._store.unconfirmed())

    def _records(self, messages: Iterable[Message]) -> Iterator[Record]:
        for message in messages:
            try:
                yield decoded(message)
            except BadRecord as error:
                counter("driftloop_skipped_total").labels(self._process.name, message.topic).inc()
                log.warning("skipped %s/%d@%d: %s", message.topic, message.partition, message.offset, error.reason)

    def _tell(self, changes: list[RolloutChanged]) -> bool:
        """Produce changes and mark them as told; False when the bus did not take them, to be tried again."""
        if not changes:
            return True
        try:
            for change in changes:
                self._producer.send(change)
            self._producer.flush(FLUSH_S)  # 2
        except BusError as error:
            log.warning("%d changes wait to be told: %s", len(changes), error)
            return False
        self._store.confirm(changes)  # 3
        for change in changes:
            place = (change.app, change.adapter_version, change.state, change.step, change.sequence)
            log.info("app=%s version=%s state=%s step=%d sequence=%d", *place)
        return True
