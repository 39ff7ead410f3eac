"""What tests.bench.latency measures: single events on their way, and alerts on theirs."""

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from kafka import TopicPartition

from schemas.codec import from_unix_ms
from schemas.ids import time_ordered_id
from schemas.inference import InferenceResponded, Message
from schemas.settings import Settings
from services.clients.bus.connection import open_consumer
from services.clients.bus.producer import Producer
from services.clients.warehouse.client import Warehouse

_PROBE_EVERY_S = 0.1
_LOOK_EVERY_S = 0.05
_PATIENCE_S = 30.0
_MESSAGE_BYTES = 1000


def percentiles(seconds: Iterable[float]) -> dict[str, float]:
    """Return how many there are, p50, p95 and p99 (nearest rank) and the greatest; nothing of nothing."""
    found = sorted(seconds)
    if not found:
        return {"count": 0}
    at = {f"p{q}_s": found[min(len(found) - 1, len(found) * q // 100)] for q in (50, 95, 99)}
    return {"count": len(found), **{name: round(value, 4) for name, value in (*at.items(), ("max_s", found[-1]))}}


def rows_queryable(settings: Settings, seconds: float) -> list[float]:
    """Send an event every 100 ms through the product's producer; return after how long a query found each.

    The query's own time and up to 50 ms between two looks are part of it. An event that is not found in
    half a minute counts with that time.
    """
    waiting: dict[str, float] = {}
    taken: list[float] = []
    with closing(Producer(settings, "probe")) as producer, Warehouse.connect(settings) as warehouse:
        end, number = time.time() + seconds, 0
        next_at = time.time()
        while (now := time.time()) < end or waiting:
            while next_at <= now < end:
                next_at, number = next_at + _PROBE_EVERY_S, number + 1
                probe = _probe(number, time.time())
                waiting[probe.event_id] = time.time()
                producer.send(probe)
            found = _found(warehouse, waiting) if waiting else ()
            seen_at = time.time()
            taken += [seen_at - waiting.pop(event_id) for event_id in found]
            for event_id in [name for name, sent in waiting.items() if seen_at - sent > _PATIENCE_S]:
                taken.append(seen_at - waiting.pop(event_id))
            time.sleep(_LOOK_EVERY_S)
    return taken


def _probe(number: int, at: float) -> InferenceResponded:
    unix_ms = round(at * 1000)
    return InferenceResponded(
        event_id=time_ordered_id(unix_ms, number.to_bytes(10, "big")),
        occurred_at=from_unix_ms(unix_ms),
        app="probe",
        request_id=f"probe-{unix_ms}-{number}",
        messages=(Message(role="user", content="x" * 700),),
        output=Message(role="assistant", content="safe"),
    )


def _found(warehouse: Warehouse, waiting: Iterable[str]) -> list[str]:
    sql = "SELECT event_id FROM responses FINAL WHERE app = 'probe' AND event_id IN {ids:Array(String)}"
    return [str(row["event_id"]) for row in warehouse.query(sql, {"ids": list(waiting)})]


def round_trips(settings: Settings, topic: str, *, rate: int, seconds: float) -> list[float]:
    """Send raw messages of 1 KB at a rate and read them back without a group; return how long each took."""
    taken: list[float] = []
    with closing(Producer(settings, "round-trip")) as producer, closing(open_consumer(settings)) as reader:
        reader.assign([TopicPartition(topic, number) for number in producer.partitions(topic)])
        reader.seek_to_end()
        for partition in reader.assignment():
            reader.position(partition)
        began, sent = time.time(), 0
        while len(taken) < rate * seconds and time.time() - began < seconds + _PATIENCE_S:
            due = min(int((time.time() - began) * rate), int(rate * seconds))
            for number in range(sent, due):
                value = str(time.time()).ljust(_MESSAGE_BYTES).encode()
                producer.send_raw(topic, value, key=str(number).encode())
            sent = max(sent, due)
            records = reader.poll(timeout_ms=5).values()
            now = time.time()
            taken += [now - float(record.value) for some in records for record in some]
    return taken


@dataclass(frozen=True, slots=True)
class Told:
    """A webhook's message: the state of an alert, the end of the window behind it, when it came."""

    state: str
    window_end: float
    received_at: float

    @property
    def seconds(self) -> float:
        """From the end of the window to the receiver."""
        return self.received_at - self.window_end


def told_since(file: Path, since: float) -> Iterator[Told]:
    """Yield what the receiver kept of windows that ended after a moment, Unix seconds."""
    for line in file.read_text().splitlines() if file.exists() else ():
        entry = json.loads(line)
        (alert,) = entry["body"]["alerts"]
        end = datetime.fromisoformat(alert["startsAt" if alert["status"] == "firing" else "endsAt"]).timestamp()
        if end > since:
            yield Told(alert["status"], end, entry["received_at"])
