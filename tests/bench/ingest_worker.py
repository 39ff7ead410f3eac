"""One worker of tests.bench.ingest, in a process of its own: `python -m tests.bench.ingest_worker KIND EVENTS RUN`.

Reads a full log once and prints JSON. The clock starts when the first events have been dealt with, so
that neither the start of the process nor the join of its group counts.
"""

import asyncio
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import faust
import msgspec
from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord

from schemas.inference import InferenceResponded
from schemas.record import Record
from schemas.settings import Settings
from schemas.topics import INFERENCE_RESPONDED, Topic
from services.bus.connection import client_options
from services.bus.consumer import Consumer
from services.bus.message import message_of
from services.bus.producer import Producer
from services.runtime.process import Process, read_configuration
from services.sink.blocks import blocks_of
from services.sink.delivery import MAX_MESSAGES, SINK_TOPICS, Delivery
from services.sink.operations import Operations
from services.sink.poison import PoisonLimit
from services.sink.rows import Row, columns_of, judged
from services.sink.table_store import TableStore
from services.warehouse.client import Warehouse
from services.warehouse.migrations import migrate
from stream_processors import delivery
from stream_processors.application import Handler, Processor
from stream_processors.functional import build_functional
from stream_processors.serving import serve

TOPIC = INFERENCE_RESPONDED.name


@dataclass
class Meter:
    """Counts events behind the first ones."""

    expected: int
    seen: int = 0
    first: int = 0
    began: float = 0.0
    began_cpu: float = 0.0

    def note(self, events: int) -> bool:
        """Count events that have been dealt with; return whether these were the last, and then print."""
        self.seen += events
        if not self.first and events:
            self.first, self.began, self.began_cpu = events, time.perf_counter(), time.process_time()
        if self.seen < self.expected:
            return False
        seconds, cpu_s = time.perf_counter() - self.began, time.process_time() - self.began_cpu
        counted = self.seen - self.first
        if not counted:
            sys.exit(f"all {self.seen} events came at once: ask for more")
        figures = {
            "events_per_s": round(counted / seconds),
            "cpu_us_per_event": round(1e6 * cpu_s / counted, 2),
            "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        }
        print(json.dumps(figures), flush=True)
        return True


ONE = msgspec.json.Decoder(InferenceResponded)
MANY = msgspec.json.Decoder(list[InferenceResponded])


def _decoded(value: bytes) -> int:
    """Decode a message and return the number of its events."""
    if value.startswith(b"["):
        return len(MANY.decode(value))
    ONE.decode(value)
    return 1


def bare_faust(settings: Settings, meter: Meter, run: str) -> None:
    """Decode in a Faust agent and do nothing else."""
    patient = {"broker_session_timeout": 6.0, "broker_heartbeat_interval": 1.5, "broker_rebalance_timeout": 6.0}
    app = faust.App(
        f"bare-{run}",
        broker="kafka://" + settings.kafka,
        datadir=str(settings.data / f"bare-{run}"),
        web_enabled=False,
        worker_redirect_stdouts=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        stream_wait_empty=False,
        **(patient if settings.profile == "embedded" else {}),
    )

    async def only_decode(stream: faust.Stream) -> None:
        async for event in stream.events():
            if meter.note(_decoded(event.message.value)):
                os._exit(0)

    app.agent(app.topic(TOPIC, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"))(
        only_decode
    )
    asyncio.run(_forever(app))


async def _forever(app: faust.App) -> None:
    await app.start()
    await asyncio.Event().wait()


class Counted(Processor):
    """A processor whose handlers are metered."""

    meter: Meter

    def consume(self, *topics: Topic, handle: Handler, batch: int = 1) -> None:
        """Meter what a handler has handled."""

        async def metered(deliveries: Sequence[delivery.Delivery]) -> Iterable[Record]:
            records = await handle(deliveries)
            if self.meter.note(len(deliveries)):
                os._exit(0)
            return records

        super().consume(*topics, handle=metered, batch=batch)


def functional(settings: Settings, meter: Meter, run: str) -> None:
    """The functional processor."""
    name = f"functional-{run}"
    settings = replace(settings, ports={**settings.ports, name: settings.ports["functional"]})
    configuration = read_configuration(settings)
    processor = Counted(name, settings, configuration)
    processor.meter = meter
    build_functional(processor)
    serve(processor, Process(name, settings, configuration))


def bare_poll(settings: Settings, meter: Meter, run: str) -> None:
    """Poll and decode, without a group, and do nothing else."""
    for records in _batches(settings):
        if meter.note(sum(_decoded(record.value) for record in records)):
            return


def bare_insert(settings: Settings, meter: Meter, run: str) -> None:
    """Insert the rows that the sink would, in blocks of its size, and do nothing else."""
    now, rows = datetime.now(UTC), []
    expected = meter.expected
    for records in _batches(settings):
        for record in records:
            rows += [row for row in judged(message_of(record, f"bare-{run}"), now) if isinstance(row, Row)]
        if len(rows) >= expected:
            break
    step = max(1, min(MAX_MESSAGES, expected // 4))
    with Warehouse.connect(settings) as warehouse:
        for start in range(0, len(rows), step):
            for block in blocks_of(rows[start : start + step]):
                warehouse.insert(block.table, columns_of(block.table), block.rows)
            meter.note(len(rows[start : start + step]))


def sink(settings: Settings, meter: Meter, run: str) -> None:
    """The sink."""
    tables = TableStore(settings)
    with (
        closing(tables),
        closing(Consumer(settings, f"sink-{run}", SINK_TOPICS, starts=tables.starts)) as consumer,
        closing(Producer(settings, "sink")) as producer,
    ):
        operations = Operations()
        limit = PoisonLimit(settings.accept_poison)
        moving = Delivery(consumer, producer, tables, now=lambda: datetime.now(UTC), operations=operations, limit=limit)
        stored, done = operations.rows.labels("responses"), 0
        while True:
            moving.round()
            events = round(stored._value.get()) - done
            done += events
            if meter.note(events):
                return


def _batches(settings: Settings) -> Iterable[list[ConsumerRecord]]:
    reader = KafkaConsumer(**client_options(settings), enable_auto_commit=False, auto_offset_reset="earliest")
    with closing(reader):
        reader.assign([TopicPartition(TOPIC, number) for number in range(INFERENCE_RESPONDED.partitions)])
        reader.seek_to_beginning()
        while True:
            yield from reader.poll(timeout_ms=200, max_records=500).values()


KINDS: dict[str, Callable[[Settings, Meter, str], None]] = {
    "faust": bare_faust,
    "functional": functional,
    "poll": bare_poll,
    "insert": bare_insert,
    "sink": sink,
}


def main() -> None:
    """Read the log once and print."""
    kind, events, run = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    settings = Settings.from_environment()
    if kind in ("insert", "sink"):
        # Tables of its own, or the sink would go on where the run before it ended.
        settings = replace(settings, warehouse_database=f"{kind}_{run.replace('-', '_')}")
        migrate(settings)
    KINDS[kind](settings, Meter(events), run)


if __name__ == "__main__":
    main()
