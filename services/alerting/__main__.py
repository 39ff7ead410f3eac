"""`python -m services.alerting`: tells subscribers of alerts, and the bus of the outcome.

alerts.changed.v1 -> channels, alerts.delivered.v1

Order of effects:
  1. An alert becomes one row in the outbox for each subscription that wants it, however often it comes.
  2. The offsets are committed.
  3. What is due goes to its channel, many alerts at once as one digest; the outcome is stored. A crash in
     between delivers again, under the same delivery id.
  4. Outcomes are produced under ids derived from the delivery, flushed, and marked as told.
"""

import logging
import signal
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime

from schemas.codec import BadRecord
from schemas.observations import AlertChanged
from schemas.topics import ALERTS_CHANGED
from services.alerting.measures import Measures
from services.alerting.outbox import Outbox
from services.alerting.receivers import Receivers
from services.alerting.rounds import Rounds
from services.alerting.watching import Subscriptions
from services.clients.bus.consumer import Consumer
from services.clients.bus.decoding import decoded
from services.clients.bus.errors import BrokerDown, BusError
from services.clients.bus.message import Message
from services.clients.bus.producer import Producer
from services.clients.store.database import open_store
from services.parts.notices.channels import Channels
from services.parts.runtime.process import Process, running

log = logging.getLogger(__name__)

NAME = "alerting"
POLL_S = 0.3
FLUSH_S = 4.0


def main() -> None:
    """Run until stopped."""
    with running(NAME) as process, closing(Producer(process.settings, NAME)) as producer:
        engine = open_store(process.settings.store_url)
        subscriptions = Subscriptions(process.settings, process.configuration)
        signal.signal(signal.SIGHUP, lambda *_: subscriptions.asked.set())
        consumer = _consumer(process)
        if consumer is not None:
            with closing(consumer), closing(Channels(process.settings.url("dashboard"))) as channels:
                outbox, measures = Outbox(engine), Measures()
                rounds = Rounds(outbox, Receivers(engine), channels, measures)
                _Loop(process, outbox, rounds, subscriptions, producer, measures).run(consumer)
        engine.dispose()


class _Loop:
    def __init__(
        self,
        process: Process,
        outbox: Outbox,
        rounds: Rounds,
        subscriptions: Subscriptions,
        producer: Producer,
        measures: Measures,
    ) -> None:
        self._process = process
        self._outbox = outbox
        self._rounds = rounds
        self._subscriptions = subscriptions
        self._producer = producer
        self._measures = measures

    def run(self, consumer: Consumer) -> None:
        while not self._process.stopping.is_set():
            self._subscriptions.refresh()
            alerts = list(self._alerts(consumer.poll(POLL_S)))
            self._outbox.put(alerts, self._subscriptions.by_name.values(), datetime.now(UTC))  # 1
            consumer.commit()  # 2
            if consumer.assigned:
                # Of several instances only the one that holds the partition delivers.
                self._rounds.deliver(self._subscriptions.by_name)  # 3
            told = self._tell()
            self._measures.lag.set(consumer.lag())
            caught_up = consumer.assigned and consumer.lag() <= self._process.settings.ready_lag
            self._process.conditions.update(started=True, assigned=consumer.assigned, caught_up=caught_up, told=told)

    def _alerts(self, messages: Iterable[Message]) -> Iterator[AlertChanged]:
        for message in messages:
            try:
                record = decoded(message)
            except BadRecord as error:
                self._measures.skipped.labels(NAME, message.topic).inc()
                log.warning("skipped %s/%d@%d: %s", message.topic, message.partition, message.offset, error.reason)
                continue
            if isinstance(record, AlertChanged):
                yield record

    def _tell(self) -> bool:
        channels = {name: subscription.channel for name, subscription in self._subscriptions.by_name.items()}
        outcomes = self._outbox.unannounced(channels)
        if not outcomes:
            return True
        try:
            for outcome in outcomes:
                self._producer.send(outcome)
            self._producer.flush(FLUSH_S)  # 4
        except BusError as error:
            log.warning("%d outcomes wait to be told: %s", len(outcomes), error)
            return False
        self._outbox.announced(outcomes)
        return True


def _consumer(process: Process) -> Consumer | None:
    while not process.stopping.is_set():
        try:
            return Consumer(process.settings, NAME, [ALERTS_CHANGED.name])
        except BrokerDown as error:
            log.warning("%s", error)
            process.stopping.wait(1)
    return None


if __name__ == "__main__":
    main()
