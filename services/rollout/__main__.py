"""`python -m services.rollout`: brings trained versions to users, step by step, and takes them back.

adapters.trained.v1, rollouts.ordered.v1, metrics.window-closed.v1 -> rollouts.changed.v1

One instance runs in a deployment. Order of effects, so that kill -9 between any two loses and doubles
nothing:
  1. News and windows become states in the store, each together with the changes it leads to.
  2. Untold changes are produced, with ids derived from rollout and sequence, and flushed.
  3. They are marked as told; a crash before this produces them again under the same ids.
  4. The offsets are committed; a crash before this brings news again, which the store knows.
"""

import logging
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime

from prometheus_client import REGISTRY

from schemas.codec import BadRecord
from schemas.learning import RolloutChanged
from schemas.record import Record
from schemas.topics import ADAPTERS_TRAINED, METRICS_WINDOW_CLOSED, ROLLOUTS_ORDERED
from services.bus.consumer import Consumer
from services.bus.decoding import decoded
from services.bus.errors import BrokerDown, BusError
from services.bus.message import Message
from services.bus.producer import Producer
from services.registry.artifacts import ArtifactStore
from services.rollout.aliases import AliasMover
from services.rollout.controller import Controller
from services.rollout.convergence import Converger
from services.rollout.measures import RolloutMeasures
from services.rollout.persistence import RolloutStore
from services.runtime.process import Process, running
from services.store.database import open_store

log = logging.getLogger(__name__)

NAME = "rollout"
POLL_S = 0.3
FLUSH_S = 4.0
VISIT_REPLICAS_EVERY_S = 2.0
_TOPICS = [topic.name for topic in (ADAPTERS_TRAINED, ROLLOUTS_ORDERED, METRICS_WINDOW_CLOSED)]


def main() -> None:
    """Run until stopped."""
    with running(NAME) as process, closing(Producer(process.settings, NAME)) as producer:
        engine = open_store(process.settings.store_url)
        converger = Converger(ArtifactStore(process.settings.artifacts).fetch, VISIT_REPLICAS_EVERY_S)
        aliases = AliasMover()
        converger.start()
        aliases.start()
        consumer = _consumer(process)
        if consumer is not None:
            with closing(consumer):
                _Loop(process, RolloutStore(engine), producer, converger, aliases).run(consumer)
        aliases.close()
        converger.close()
        engine.dispose()


class _Loop:
    def __init__(
        self, process: Process, store: RolloutStore, producer: Producer, converger: Converger, aliases: AliasMover
    ) -> None:
        self._process = process
        self._store = store
        self._producer = producer
        self._converger = converger
        self._aliases = aliases
        self._controller = Controller(store, process.configuration)
        self._measures = RolloutMeasures(self._controller)
        REGISTRY.register(self._measures)

    def run(self, consumer: Consumer) -> None:
        # A broker may have lost its memory; telling the last change again does no harm.
        self._tell(self._store.last_changes())
        while not self._process.stopping.is_set():
            told = self._round(list(self._records(consumer.poll(POLL_S))))
            consumer.commit()  # 4
            self._process.conditions.update(started=True, assigned=consumer.assigned, told=told)

    def _round(self, records: list[Record]) -> bool:
        now = datetime.now(UTC)
        self._controller.take(records, now)  # 1
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
                self._measures.bad_messages += 1
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


def _consumer(process: Process) -> Consumer | None:
    while not process.stopping.is_set():
        try:
            return Consumer(process.settings, NAME, _TOPICS)
        except BrokerDown as error:
            log.warning("%s", error)
            process.stopping.wait(1)
    return None


if __name__ == "__main__":
    main()
