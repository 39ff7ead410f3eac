"""Events to bytes and back. Decoding judges; whoever decodes decides where bad input goes."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache

import msgspec

from schemas.record import Record
from schemas.topics import TOPIC_BY_NAME, topic_of

MAX_EVENT_BYTES = 1_000_000
MAX_AHEAD = timedelta(minutes=10)
MAX_AGE = timedelta(days=365)
BATCH_CONTENT_TYPE = "application/cloudevents-batch+json"
SOURCE = "driftloop"
# msgspec quotes what it found where it wanted one of a few names.
_QUOTED_VALUE = re.compile(r"value '.*'", re.DOTALL)

Headers = list[tuple[str, bytes]]


class BadRecord(ValueError):
    """A message that can't be taken. `reason` is short, has no payload text, and is for people."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@cache
def _decoder(topic: str) -> msgspec.json.Decoder[Record]:
    return msgspec.json.Decoder(TOPIC_BY_NAME[topic].record, strict=True)


_ENCODER = msgspec.json.Encoder()


def encode(record: Record) -> bytes:
    """Return the JSON of a record, UTF-8."""
    return _ENCODER.encode(record)


def decode(topic: str, value: bytes | None, logged_at: datetime) -> Record:
    """Return the record in a message of `topic`.

    Args:
        topic: A name from the catalogue.
        value: The message's bytes.
        logged_at: The broker's timestamp of the message, against which its time is judged.

    Raises:
        BadRecord: Empty, oversized, malformed, of wrong types, or with a time out of range.
    """
    if not value:
        raise BadRecord("empty message")
    if len(value) > MAX_EVENT_BYTES:
        raise BadRecord(f"oversized: {len(value)} bytes, at most {MAX_EVENT_BYTES}")
    try:
        record = _decoder(topic).decode(value)
    except msgspec.ValidationError as error:
        raise BadRecord(f"invalid: {_QUOTED_VALUE.sub('value', str(error))}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRecord("malformed JSON") from error
    if record.occurred_at > logged_at + MAX_AHEAD:
        raise BadRecord(f"occurred_at is more than {MAX_AHEAD} ahead of the log")
    if record.occurred_at < logged_at - MAX_AGE:
        raise BadRecord(f"occurred_at is more than {MAX_AGE.days} days behind the log")
    return record


def headers_of(record: Record) -> Headers:
    """Return the CloudEvents 1.0 attributes of a record as Kafka headers (binary mode)."""
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", record.event_id.encode()),
        ("ce_type", topic_of(record).name.encode()),
        ("ce_source", f"{SOURCE}/{record.app}".encode()),
        ("ce_time", to_rfc3339(record.occurred_at).encode()),
        ("content-type", b"application/json"),
    ]


def header(headers: Iterable[tuple[str, bytes]], name: str) -> str:
    """Return the value of a Kafka header, or an empty string."""
    return next((v.decode(errors="replace") for k, v in headers if k == name and v), "")


def to_rfc3339(instant: datetime) -> str:
    """Return UTC with milliseconds, e.g. 2026-01-31T12:00:00.123Z."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_unix_ms(unix_ms: int) -> datetime:
    """Return the instant of a Kafka timestamp."""
    return datetime.fromtimestamp(unix_ms / 1000, UTC)


def to_unix_ms(instant: datetime) -> int:
    """Return milliseconds since the epoch."""
    return round(instant.timestamp() * 1000)
