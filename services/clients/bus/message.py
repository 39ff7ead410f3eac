"""A message as it stood in the log."""

from datetime import datetime

import msgspec
from kafka.consumer.fetcher import ConsumerRecord

from schemas.codec import from_unix_ms
from schemas.tables import Position


class Message(msgspec.Struct, frozen=True, gc=False):
    """A message with its place. `logged_at` is the broker's timestamp, UTC."""

    topic: str
    topic_id: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    logged_at: datetime

    @property
    def position(self) -> Position:
        """Where it stands, the topic's id included."""
        return Position(self.topic_id, self.partition, self.offset)


def message_of(record: ConsumerRecord, topic_id: str) -> Message:
    """Return a fetched record as a message of the topic with this id."""
    return Message(
        topic=record.topic,
        topic_id=topic_id,
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        value=record.value,
        headers=tuple(record.headers),
        logged_at=from_unix_ms(record.timestamp),
    )
