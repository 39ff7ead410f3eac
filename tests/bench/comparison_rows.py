"""What tests.bench.faults compares: the log's own account of its events, and the rows that readers see.

The log is read once, for the place and time of every copy of every event; the warehouse in slices of a
minute, under FINAL as all its readers do, so that an hour of traffic needs little memory.
"""

from array import array
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec
from kafka import TopicPartition

from schemas.codec import to_unix_ms
from schemas.observations import AlertChanged, RecordedScore, ScoresRecorded, Sketch, WindowClosed
from schemas.record import Record, Series
from schemas.settings import Settings
from schemas.topics import FEEDBACK_GIVEN, INFERENCE_RESPONDED, SCORES_RECORDED, Topic
from services.clients.bus.connection import open_consumer
from services.clients.warehouse.client import Warehouse
from tests.bench.comparison import Answered, Copy, Judgement
from tests.bench.load_events import number_of

TOPIC_OF: Mapping[str, Topic] = {
    "responses": INFERENCE_RESPONDED,
    "feedback": FEEDBACK_GIVEN,
    "scores": SCORES_RECORDED,
}
_SLICE = timedelta(seconds=60)
_NOWHERE = -1

T = TypeVar("T", bound=Record)


class _Id(msgspec.Struct):
    event_id: str


_ONE, _MANY = msgspec.json.Decoder(_Id), msgspec.json.Decoder(list[_Id])


@dataclass(slots=True)
class LogIndex:
    """Places of the events of one topic, by their numbers."""

    first: "array[int]"
    more: dict[int, list[Copy]] = field(default_factory=dict)
    logged: list["array[int]"] = field(default_factory=list)

    def copies(self, number: int) -> tuple[Copy, ...]:
        """Return where an event stands, in the order of the log."""
        if (place := self.first[number]) == _NOWHERE:
            return ()
        partition, offset = place & 0xFF, place >> 8
        return (Copy(partition, offset, self.logged[partition][offset]), *self.more.get(number, ()))

    def note(self, number: int, copy: Copy) -> None:
        """Take a copy that comes behind those known."""
        if self.first[number] == _NOWHERE:
            self.first[number] = copy.offset << 8 | copy.partition
        else:
            self.more.setdefault(number, []).append(copy)


def index_of(settings: Settings, topic: Topic, made: int) -> LogIndex:
    """Read a topic from end to end."""
    index = LogIndex(array("q", [_NOWHERE]) * made)
    with closing(open_consumer(settings)) as reader:
        for number in range(topic.partitions):
            partition = TopicPartition(topic.name, number)
            reader.assign([partition])
            reader.seek_to_beginning(partition)
            index.logged.append(array("q"))
            while (end := reader.highwater(partition)) is None or reader.position(partition) < end:
                for message in reader.poll(timeout_ms=500, max_records=5000).get(partition, ()):
                    _note(index, number, message)
    return index


def _note(index: LogIndex, partition: int, message: Any) -> None:
    logged = index.logged[partition]
    logged.extend([message.timestamp] * (message.offset + 1 - len(logged)))
    found = _MANY.decode(message.value) if message.value[:1] == b"[" else [_ONE.decode(message.value)]
    for event in found:
        index.note(number_of(event.event_id), Copy(partition, message.offset, message.timestamp))


@dataclass(frozen=True, slots=True)
class Rows:
    """A reader of the warehouse for the time between two instants."""

    warehouse: Warehouse
    begin: datetime
    end: datetime

    def events(self, table: str, columns: str = "event_id") -> Iterator[dict[str, Any]]:
        """Yield a table's rows as readers see them, minute by minute."""
        at = self.begin
        while at < self.end:
            yield from self.warehouse.query(
                f"SELECT {columns} FROM {table} FINAL WHERE occurred_at >= {{a:DateTime64(3)}} "
                "AND occurred_at < {b:DateTime64(3)} ORDER BY occurred_at, event_id",
                {"a": _text(at), "b": _text(at + _SLICE)},
            )
            at += _SLICE

    def answers(self, index: LogIndex) -> Iterator[Answered]:
        """Yield the responses that the log has as well."""
        columns = """event_id, occurred_at, app, adapter_version, variant, tenant, request_id, error_type, latency_ms,
            ttft_ms, cost_usd, JSONExtractUInt(usage, 'input_tokens') AS input_tokens,
            JSONExtractUInt(usage, 'output_tokens') AS output_tokens, JSONExtractString(output, 'content') AS text"""
        known: dict[tuple[str, ...], Series] = {}
        for row in self.events("responses", columns):
            key = (row["app"], row["adapter_version"], row["variant"], row["tenant"])
            yield Answered(
                row["request_id"],
                known.setdefault(key, Series(*key)),
                to_unix_ms(row["occurred_at"]),
                bool(row["error_type"]),
                row["input_tokens"],
                row["output_tokens"],
                row["cost_usd"],
                row["latency_ms"],
                row["ttft_ms"],
                row["text"],
                index.copies(number_of(row["event_id"])),
            )

    def judgements(self, index: LogIndex) -> Iterator[Judgement]:
        """Yield the feedback that the log has as well."""
        for row in self.events("feedback", "event_id, occurred_at, request_id, label, score, source, user_id"):
            copies = index.copies(number_of(row["event_id"]))
            occurred, person = to_unix_ms(row["occurred_at"]), (row["source"], row["user_id"])
            yield Judgement(row["request_id"], occurred, row["label"], row["score"], copies, person)

    def windows(self) -> Iterator[WindowClosed]:
        """Yield the partials."""
        for row in self.events("metric_windows", "*"):
            nested = {
                "counters": msgspec.json.decode(row["counters"], type=dict[str, float]),
                "sketches": msgspec.json.decode(row["sketches"], type=dict[str, Sketch]),
            }
            yield _record(WindowClosed, {**row, **nested})

    def scores(self) -> Iterator[ScoresRecorded]:
        """Yield the scores, each as a message of its own."""
        names = RecordedScore.__struct_fields__
        for row in self.events("scores", "*"):
            score = {name: row[name] for name in names} | {"categories": ()}
            yield _record(ScoresRecorded, {**row, "scores": (RecordedScore(**score),)})

    def alerts(self) -> list[AlertChanged]:
        """Return the alerts in the order in which they were told."""
        rows = sorted(self.events("alerts", "*"), key=lambda row: int(row["offset"]))
        return [_record(AlertChanged, row) for row in rows]

    def orders(self) -> list[str]:
        """Return the alert behind each order to retrain."""
        return [str(row["alert_id"]) for row in self.events("retrainings", "alert_id")]

    def repeated(self, table: str) -> list[str]:
        """Return the event ids that readers of a small table see more than once."""
        found = self.warehouse.query(
            f"SELECT event_id FROM {table} FINAL GROUP BY event_id HAVING count() > 1 ORDER BY event_id"
        )
        return [str(row["event_id"]) for row in found]

    def stored_twice(self, table: str) -> int:
        """Return how many rows stand in the tables' parts more than once at present; FINAL shows one of them."""
        (row,) = self.warehouse.query(
            f"SELECT count() - uniqExact(cityHash64(topic_id, partition, offset, event_id)) AS n FROM {table}"
        )
        return int(row["n"])


def _record(kind: type[T], row: Mapping[str, Any]) -> T:
    return kind(**{name: row[name] for name in kind.__struct_fields__})


def _text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
