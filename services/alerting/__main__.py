"""`python -m services.alerting`: tells subscribers of alerts, and the bus of the outcome.

alerts.changed.v1 -> channels, alerts.delivered.v1

Order of effects:
  1. An alert becomes one row in the outbox for each subscription that wants it, however often it comes.
  2. The offsets are committed.
  3. What is due goes to its channel; the outcome is stored. A crash in between delivers again, under
     the same delivery id.
  4. Outcomes are produced under ids derived from the delivery, flushed, and marked as told.
"""

import logging
import signal
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime

from schemas.codec import BadRecord
from schemas.configuration import Subscription
from schemas.observations import AlertChanged
from schemas.topics import ALERTS_CHANGED
from services.alerting.measures import Measures
from services.alerting.outbox import Delivery, Outbox
from services.alerting.watching import Subscriptions
from services.clients.bus.consumer import Consumer
from services.clients.bus.decoding import decoded
from services.clients.bus.errors import BrokerDown, BusError
from services.clients.bus.message import Message
from services.clients.bus.producer import Producer
from services.clients.store.database import open_store
from services.parts.notices.channels import Channels, DeliveryFailed
from services.parts.runtime.process import Process, running

log = logging.getLogger(__name__)

NAME = "alerting"
POLL_S = 0.3
FLUSH_S = 4.0
_AT_ONCE = 8


def main() -> None:
    """Run until stopped."""
    with running(NAME) as process, closing(Producer(process.settings, NAME)) as producer:
        engine = open_store(process.settings.store_url)
        subscriptions = Subscriptions(process.settings, process.configuration)
        signal.signal(signal.SIGHUP, lambda *_: subscriptions.asked.set())
        consumer = _consumer(process)
        if consumer is not None:
            with closing(consumer), closing(Channels(process.settings.url("dashboard"))) as channels:
                _Loop(process, Outbox(engine), subscriptions, channels, producer).run(consumer)
        engine.dispose()


class _Loop:
    def __init__(
        self, process: Process, outbox: Outbox, subscriptions: Subscriptions, channels: Channels, producer: Producer
    ) -> None:
        self._process = process
        self._outbox = outbox
        self._subscriptions = subscriptions
        self._channels = channels
        self._producer = producer
        self._measures = Measures()

    def run(self, consumer: Consumer) -> None:
        while not self._process.stopping.is_set():
            self._subscriptions.refresh()
            alerts = list(self._alerts(consumer.poll(POLL_S)))
            self._outbox.put(alerts, self._subscriptions.by_name.values(), datetime.now(UTC))  # 1
            consumer.commit()  # 2
            if consumer.assigned:
                # Of several instances only the one that holds the partition delivers.
                self._deliver(self._outbox.due(datetime.now(UTC)))  # 3
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

    def _deliver(self, due: list[Delivery]) -> None:
        if due:
            with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
                list(pool.map(self._try, due))

    def _try(self, delivery: Delivery) -> None:
        subscription = self._subscriptions.by_name.get(delivery.subscription)
        if subscription is None:
            self._outbox.failed(delivery, "the subscription is gone", datetime.now(UTC), retry=False)
            return
        try:
            self._channels.deliver(delivery.alert, subscription, delivery.id)
        except DeliveryFailed as error:
            log.warning("alert=%s to=%s attempt=%d failed: %s", *_place(delivery, subscription), error)
            self._outbox.failed(delivery, str(error), datetime.now(UTC))
            self._measures.deliveries.labels(subscription.name, "failed").inc()
            return
        self._outbox.delivered(delivery, subscription, datetime.now(UTC))
        self._measures.deliveries.labels(subscription.name, "delivered").inc()
        log.info("alert=%s to=%s attempt=%d delivered", *_place(delivery, subscription))

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


def _place(delivery: Delivery, subscription: Subscription) -> tuple[str, str, int]:
    return delivery.alert.alert_id, subscription.name, delivery.attempts + 1


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
