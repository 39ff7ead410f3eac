"""Entries of the spool into messages for Kafka: many small events of one partition travel as one array. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from schemas.codec import BATCH_CONTENT_TYPE
from schemas.topics import INBOUND
from services.parts.spool.entries import Entry

MAX_ARRAY_BYTES = 256 * 1024
_ARRAY_TOPICS = frozenset(topic.name for topic in INBOUND)
_ARRAY_HEADERS = (("content-type", BATCH_CONTENT_TYPE.encode()),)

PartitionOf = Callable[[str, bytes], int]
"""The partition of a topic that a key belongs to."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """One Kafka message. Without a partition the key decides."""

    topic: str
    value: bytes
    key: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    partition: int | None = None


def packed(entries: Iterable[Entry], partition_of: PartitionOf) -> list[Parcel]:
    """Return the messages that carry these entries; within a partition they keep their order.

    Entries of an inbound topic that go to the same partition share a message of at most
    MAX_ARRAY_BYTES, unless they are of different months, which the warehouse keeps apart. An entry
    that is left alone stays a message of its own.
    """
    parcels: list[Parcel] = []
    open_: dict[tuple[str, int], _Array] = {}
    for entry in entries:
        if entry.topic not in _ARRAY_TOPICS:
            parcels.append(Parcel(entry.topic, entry.value, entry.key, entry.headers))
            continue
        place = (entry.topic, partition_of(entry.topic, entry.key))
        array = open_.get(place)
        if array is None or not array.takes(entry):
            if array is not None:
                parcels.append(array.parcel(place[1]))
            array = open_[place] = _Array(_month(entry))
        array.put(entry)
    return [*parcels, *(array.parcel(partition) for (_, partition), array in open_.items())]


@dataclass(slots=True)
class _Array:
    month: bytes
    size: int = 2
    entries: list[Entry] = field(default_factory=list)

    def takes(self, entry: Entry) -> bool:
        return self.size + len(entry.value) < MAX_ARRAY_BYTES and self.month == _month(entry)

    def put(self, entry: Entry) -> None:
        self.entries.append(entry)
        self.size += len(entry.value) + 1

    def parcel(self, partition: int) -> Parcel:
        first = self.entries[0]
        if len(self.entries) == 1:
            return Parcel(first.topic, first.value, first.key, first.headers, partition)
        value = b"[" + b",".join([entry.value for entry in self.entries]) + b"]"
        return Parcel(first.topic, value, None, _ARRAY_HEADERS, partition)


def _month(entry: Entry) -> bytes:
    """Return e.g. 2026-01, from the header that tells an event's time."""
    return next((value[:7] for name, value in entry.headers if name == "ce_time"), b"")
