"""One worker of tests.bench.ingest, in a process of its own: `python -m tests.bench.ingest_worker KIND RUN`.

Reads a full log and tells how far it is until it is killed.
"""

import asyncio
import json
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

import faust
import msgspec
import psutil
from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord

from schemas.inference import InferenceResponded
from schemas.record import Record
from schemas.settings import Settings
from schemas.topics import INFERENCE_RESPONDED, Topic
from services.clients.bus.connection import client_options
from services.clients.bus.consumer import Consumer
from services.clients.bus.message import message_of
from services.clients.bus.producer import Producer
from services.clients.warehouse.client import Warehouse
from services.clients.warehouse.migrations import migrate
from services.parts.runtime.memory import collect_seldom
from services.parts.runtime.process import Process, read_configuration
from services.privacy.policies import Policies
from services.sink.blocks import blocks_of
from services.sink.exactly_once import MAX_MESSAGES, SINK_TOPICS, Delivery
from services.sink.operations import Operations
from services.sink.poison import PoisonLimit
from services.sink.rows import Row, columns_of, judged
from services.sink.table_store import TableStore
from services.sink.withholding import Refusing, Withholding
from stream_processors.frame import delivery
from stream_processors.frame.application import Handler, Processor
from stream_processors.frame.serving import serve
from stream_processors.windows.functional import build_functional

TOPIC = INFERENCE_RESPONDED.name
_TELL_EVERY_S = 0.02


class Meter:
    """Counts events dealt with; a thread tells of news every 0.02 s: [monotonic, events, processor s, MiB]."""

    def __init__(self) -> None:
        self.seen = 0
        threading.Thread(target=self._tell, daemon=True).start()

    def note(self, events: int) -> None:
        """Count events that have been dealt with."""
        self.seen += events

    def _tell(self) -> None:
        told, process = 0, psutil.Process()
        while True:
            time.sleep(_TELL_EVERY_S)
            if self.seen != told:
                told = self.seen
                mib = round(process.memory_info().rss / 2**20)
                print(json.dumps([time.monotonic(), told, time.process_time(), mib]), flush=True)


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
        **(patient if settings.broker == "light" else {}),
    )

    async def only_decode(stream: faust.Stream) -> None:
        async for event in stream.events():
            meter.note(_decoded(event.message.value))

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
            self.meter.note(len(deliveries))
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
        meter.note(sum(_decoded(record.value) for record in records))


def bare_insert(settings: Settings, meter: Meter, run: str) -> None:
    """Insert one block of rows as the sink makes them, again and again, and do nothing else."""
    now, rows = datetime.now(UTC), []
    for records in _batches(settings):
        for record in records:
            rows += [row for row in judged(message_of(record, f"bare-{run}"), now) if isinstance(row, Row)]
        if len(rows) >= MAX_MESSAGES:
            break
    blocks = list(blocks_of(rows[:MAX_MESSAGES]))
    with Warehouse.connect(settings) as warehouse:
        while True:
            for block in blocks:
                warehouse.insert(block.table, columns_of(block.table), block.rows)
                meter.note(len(block.rows))


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
        refusing = Refusing(limit, Withholding(Policies((), settings.data)))
        moving = Delivery(
            consumer, producer, tables, now=lambda: datetime.now(UTC), operations=operations, refusing=refusing
        )
        stored, done = operations.rows.labels("responses"), 0
        while True:
            moving.round()
            events = round(stored._value.get()) - done
            done += events
            meter.note(events)


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
    """Read the log and tell."""
    kind, run = sys.argv[1], sys.argv[2]
    settings = Settings.from_environment()
    if kind in ("insert", "sink"):
        # Tables of its own, or the sink would go on where the run before it ended.
        settings = replace(settings, warehouse_database=f"{kind}_{run.replace('-', '_')}")
        migrate(settings)
    if kind in ("functional", "sink"):
        collect_seldom()
    KINDS[kind](settings, Meter(), run)


if __name__ == "__main__":
    main()
