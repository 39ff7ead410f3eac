"""The process: `python -m services.sink`."""

import logging
import sys
from contextlib import closing
from datetime import UTC, datetime

from services.clients.bus.consumer import Consumer
from services.clients.bus.errors import BrokerDown
from services.clients.bus.producer import Producer
from services.parts.runtime.process import Process, running
from services.privacy.names import Names, NamesUnavailable
from services.privacy.policies import Policies
from services.sink.exactly_once import OUTAGES, SINK_TOPICS, Delivery
from services.sink.operations import Operations
from services.sink.poison import PoisonFlood, PoisonLimit
from services.sink.table_store import TableStore
from services.sink.withholding import Refusing, Withholding

log = logging.getLogger("services.sink")

_SHORTEST_WAIT_S = 0.2
_LONGEST_WAIT_S = 5.0


def main() -> None:
    """Store until told to stop."""
    with running("sink") as process:
        process.conditions.update(started=True, connected=False, assigned=False, caught_up=False, readable=True)
        operations = Operations()
        names = _names(process)
        tables = TableStore(process.settings)
        consumer = _joined(process, tables)
        if consumer is None:
            return
        with closing(tables), closing(consumer), closing(Producer(process.settings, "sink")) as producer:
            policies = Policies(process.configuration.apps, process.settings.data)
            limit = PoisonLimit(process.settings.accept_poison)
            delivery = Delivery(
                consumer,
                producer,
                tables,
                now=lambda: datetime.now(UTC),
                operations=operations,
                refusing=Refusing(limit, Withholding(policies)),
                names=names,
            )
            flood = _deliver(process, consumer, tables, delivery)
        if flood is not None:
            _stand_still(process, operations, flood)


def _names(process: Process) -> Names | None:
    """Return what masks names, if an app wants it; without its model nothing is stored: it would be with the names."""
    try:
        return Names.wanted(process.configuration.apps)
    except NamesUnavailable as error:
        print(f"sink: {error}", file=sys.stderr)
        sys.exit(2)


def _joined(process: Process, tables: TableStore) -> Consumer | None:
    """Return a member of the sink's group as soon as a broker answers; None when told to stop."""
    while not process.stopping.is_set():
        try:
            return Consumer(process.settings, "sink", SINK_TOPICS, starts=tables.starts)
        except BrokerDown as error:
            log.warning("%s", error)
            process.stopping.wait(_SHORTEST_WAIT_S)
    return None


def _deliver(process: Process, consumer: Consumer, tables: TableStore, delivery: Delivery) -> PoisonFlood | None:
    """Deliver until told to stop, or until there is nothing but poison."""
    wait_s = _SHORTEST_WAIT_S
    while not process.stopping.is_set():
        try:
            delivery.round()
            wait_s = _SHORTEST_WAIT_S
        except OUTAGES as error:
            log.warning("trying again in %.1f s: %s", wait_s, type(error).__name__)
            process.stopping.wait(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
        except PoisonFlood as flood:
            return flood
        caught_up = consumer.assigned and consumer.lag() <= process.settings.ready_lag
        process.conditions.update(connected=tables.connected, assigned=consumer.assigned, caught_up=caught_up)
    return None


def _stand_still(process: Process, operations: Operations, flood: PoisonFlood) -> None:
    """Hold no partitions, say why, and wait for the operator: a restart would stop at the same place."""
    log.error("%s", flood)
    operations.poisoned.set(1)
    process.conditions.update(connected=False, assigned=False, caught_up=False, readable=False)
    process.stopping.wait()


if __name__ == "__main__":
    main()
