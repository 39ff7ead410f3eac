"""Events sent one in a message and events that a spool's forwarder packs into arrays: equal rows, equal windows."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from msgspec import structs

from schemas.codec import is_batch
from schemas.inference import InferenceResponded
from schemas.observations import WindowClosed
from schemas.settings import Settings
from schemas.topics import INFERENCE_RESPONDED, METRICS_WINDOW_CLOSED
from services.clients.bus.producer import Producer
from services.clients.warehouse.client import Warehouse
from services.parts.spool.delivery import Delivery
from services.parts.spool.entries import entry_of
from services.parts.spool.forwarder import Forwarder
from services.parts.spool.spool import Spool
from tests.fixtures.broker import Broker
from tests.fixtures.waiting import PATIENCE_S, equals, until
from tests.services.sink.sinks import count, messages, sink_process
from tests.stream_processors.builders import now_ms, responded
from tests.stream_processors.workers import records, working

pytestmark = [pytest.mark.broker, pytest.mark.warehouse]

APPS = ("alone", "packed")
CONFIGURATION = """
apps: [{name: alone, base_model: tiny}, {name: packed, base_model: tiny}]
windows: {length: 1s, lateness: 15s}
"""
EVENTS = 2_000
LATE_MS = 20_000


def test_the_same_events_alone_and_in_arrays_give_equal_rows_and_windows_late_ones_included(
    broker: Broker, warehouse_environment: dict[str, str], tmp_path: Path
) -> None:
    settings = Settings.from_environment({**warehouse_environment, **broker.environment})
    (tmp_path / "sink").mkdir()
    with (
        working("functional", broker, folder=tmp_path, configuration=CONFIGURATION) as worker,
        sink_process({**warehouse_environment, **broker.environment}, tmp_path / "sink"),
    ):
        worker.await_ready()
        send_both_ways(settings, tmp_path / "spool")
        until(lambda: count(settings, "responses"), equals(2 * EVENTS))
        until(lambda: events_in(windows(settings)), equals(2 * EVENTS), every_s=0.5)
    assert arrays(settings) > 10
    alone, packed = (rows(settings, app) for app in APPS)
    assert alone == packed
    assert len(alone) == EVENTS
    found = windows(settings)
    assert cells(found, "alone") == cells(found, "packed")
    assert sum(window.late for window in found) == 2 * EVENTS // 10


def send_both_ways(settings: Settings, folder: Path) -> None:
    """Send each event under both apps, twenty at a time: by a producer, and by way of a spool."""
    with closing(Producer(settings, "test")) as producer, forwarding(settings, folder) as spool:
        for first in range(0, EVENTS, 20):
            events = [event(number) for number in range(first, first + 20)]
            for one in events:
                producer.send(structs.replace(one, app="alone"))
            other = [structs.replace(one, app="packed", event_id=f"{one.event_id}-packed") for one in events]
            spool.append([entry_of(one) for one in other])
            time.sleep(0.03)
        producer.flush()


def event(number: int) -> InferenceResponded:
    """Every tenth is older than the lateness bound."""
    return responded(number, at=now_ms() - (0 if number % 10 else LATE_MS), latency=float(number % 97))


@contextmanager
def forwarding(settings: Settings, folder: Path) -> Iterator[Spool]:
    """A spool that is forwarded, and empty at the end."""
    with closing(Spool(folder)) as spool:
        forwarder = Forwarder(spool, Delivery(lambda: Producer(settings, "packed")))
        forwarder.start()
        yield spool
        forwarder.stop(timeout_s=PATIENCE_S)
        assert spool.waiting == 0


def arrays(settings: Settings) -> int:
    """Return how many messages in the log are arrays."""
    return sum(is_batch(message.topic, message.headers) for message in messages(settings, INFERENCE_RESPONDED.name))


def rows(settings: Settings, app: str) -> Sequence[Mapping[str, object]]:
    """Return an app's rows by request, the partition of their messages included."""
    sql = """
SELECT request_id, partition, occurred_at, latency_ms, adapter_version, cost_usd
FROM responses FINAL
WHERE app = {app:String}
ORDER BY request_id
"""
    with Warehouse.connect(settings) as warehouse:
        return warehouse.query(sql, {"app": app})


def windows(settings: Settings) -> list[WindowClosed]:
    return [record for record in records(settings, METRICS_WINDOW_CLOSED) if isinstance(record, WindowClosed)]


def events_in(found: list[WindowClosed]) -> int:
    return sum(int(window.counters.get("responses", 0)) + window.late for window in found)


def cells(found: list[WindowClosed], app: str) -> Counter[tuple[object, ...]]:
    """Return what an app's windows hold, less what tells where their events stood and when late ones were logged."""
    return Counter(
        (window.window_start, window.source_partition, *sorted(window.counters.items()), repr(window.sketches))
        for window in found
        if window.app == app and window.counters
    )
