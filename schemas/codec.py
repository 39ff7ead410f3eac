"""Events to bytes and back. Decoding judges; whoever decodes decides where bad input goes.

A message holds one event, or, on an inbound topic and under the content type of CloudEvents batches, a
JSON array of events. Those share the message's place in the log and nothing else: each is judged alone.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from itertools import pairwise
from types import GenericAlias

import msgspec

from schemas.record import Record
from schemas.topics import INBOUND, TOPIC_BY_NAME, TOPIC_BY_RECORD

MAX_EVENT_BYTES = 1_000_000
MAX_AHEAD = timedelta(minutes=10)
MAX_AGE = timedelta(days=365)
BATCH_CONTENT_TYPE = "application/cloudevents-batch+json"
SOURCE = "driftloop"
_SPECVERSION, _JSON = ("ce_specversion", b"1.0"), ("content-type", b"application/json")
# msgspec quotes what it found where it wanted one of a few names.
_QUOTED_VALUE = re.compile(r"value '.*'", re.DOTALL)
# An open string reaches to the end: to look for its end again from each quote in it would take for ever.
_TOKEN = re.compile(rb'"(?:[^"\\]+|\\.)*+"?|[\[\]{},]', re.DOTALL)
_DEEPER = {b"[": 1, b"{": 1, b"]": -1, b"}": -1}
_WHITESPACE = b" \t\r\n"

_BATCHED_TOPICS = frozenset(topic.name for topic in INBOUND)
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

Headers = list[tuple[str, bytes]]


class BadRecord(ValueError):
    """A message that can't be taken. `reason` is short, has no payload text, and is for people."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class BadElement:
    """What of a message can't be taken.

    Attributes:
        number: Its place in the message's array, from 1; 0 is the whole message.
        value: Its own bytes.
    """

    number: int
    value: bytes | None
    reason: str


@cache
def _decoder(topic: str) -> msgspec.json.Decoder[Record]:
    return msgspec.json.Decoder(TOPIC_BY_NAME[topic].record, strict=True)


@cache
def _array_decoder(topic: str) -> msgspec.json.Decoder[list[Record]]:
    array = GenericAlias(list, (TOPIC_BY_NAME[topic].record,))
    return msgspec.json.Decoder(array, strict=True)


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
    except _UNREADABLE as error:
        raise BadRecord("malformed JSON") from error
    if record.occurred_at > logged_at + MAX_AHEAD:
        raise BadRecord(f"occurred_at is more than {MAX_AHEAD} ahead of the log")
    if record.occurred_at < logged_at - MAX_AGE:
        raise BadRecord(f"occurred_at is more than {MAX_AGE.days} days behind the log")
    return record


def decode_elements(
    topic: str, value: bytes | None, headers: Iterable[tuple[str, bytes]], logged_at: datetime
) -> list[Record | BadElement]:
    """Return a verdict on each event in a message, in order: the record, or why there is none.

    Never raises. The verdict on an event is the same in an array as alone. An array that can't be taken
    apart is one bad element, as a whole; an empty one has no verdicts.
    """
    if not is_batch(topic, headers):
        return [_judged(topic, value, logged_at, number=0)]
    try:
        return _all_good(topic, value or b"", logged_at) or [
            _judged(topic, element, logged_at, number=number) for number, element in enumerate(split(value or b""), 1)
        ]
    except BadRecord as error:
        return [BadElement(0, value, error.reason)]


def is_batch(topic: str, headers: Iterable[tuple[str, bytes]]) -> bool:
    """Return whether a message claims to be an array of events and may be one."""
    for name, value in headers:
        if name == "content-type":
            return topic in _BATCHED_TOPICS and _media_type(value or b"") == BATCH_CONTENT_TYPE
    return False


def split(value: bytes) -> list[bytes]:
    """Return the elements of an array as they stand in it.

    Looks at strings, brackets and commas alone, so that bad JSON within an element stays its own affair.

    Raises:
        BadRecord: Those do not make an array.
    """
    body = value.strip(_WHITESPACE)
    if body[:1] != b"[" or body[-1:] != b"]":
        raise BadRecord("a batch must be a JSON array")
    cuts, depth = [0], 0
    for token in _TOKEN.finditer(body):
        depth += _DEEPER.get(token.group(), 0)
        if depth == 1 and token.group() == b",":
            cuts.append(token.start())
        if depth == 0 and token.end() < len(body):
            break
    elements = [body[start + 1 : end].strip(_WHITESPACE) for start, end in pairwise([*cuts, len(body) - 1])]
    if depth != 0 or token.end() < len(body) or (len(elements) > 1 and not all(elements)):
        raise BadRecord("malformed JSON array")
    return elements if elements[0] else []


def _media_type(value: bytes) -> str:
    return value.decode(errors="replace").partition(";")[0].strip().lower()


def _judged(topic: str, value: bytes | None, logged_at: datetime, *, number: int) -> Record | BadElement:
    try:
        return decode(topic, value, logged_at)
    except BadRecord as error:
        return BadElement(number, value, error.reason)


def _all_good(topic: str, value: bytes, logged_at: datetime) -> list[Record | BadElement]:
    """Return the records of an array in which nothing is bad, at a third of the cost; else nothing."""
    if len(value) > MAX_EVENT_BYTES:
        return []
    try:
        records = _array_decoder(topic).decode(value)
    except _UNREADABLE:
        return []
    earliest, latest = logged_at - MAX_AGE, logged_at + MAX_AHEAD
    return [*records] if all(earliest <= record.occurred_at <= latest for record in records) else []


def headers_of(record: Record) -> Headers:
    """Return the CloudEvents 1.0 attributes of a record as Kafka headers (binary mode)."""
    kind, source = _kind_and_source(type(record), record.app)
    return [
        _SPECVERSION,
        ("ce_id", record.event_id.encode()),
        kind,
        source,
        ("ce_time", to_rfc3339(record.occurred_at).encode()),
        _JSON,
    ]


@lru_cache(1024)
def _kind_and_source(record: type[Record], app: str) -> tuple[tuple[str, bytes], tuple[str, bytes]]:
    name = TOPIC_BY_RECORD[record].name
    return ("ce_type", name.encode()), ("ce_source", f"{SOURCE}/{app}".encode())


def header(headers: Iterable[tuple[str, bytes]], name: str) -> str:
    """Return the value of a Kafka header, or an empty string."""
    return next((v.decode(errors="replace") for k, v in headers if k == name and v), "")


def to_rfc3339(instant: datetime) -> str:
    """Return UTC with milliseconds, e.g. 2026-01-31T12:00:00.123Z."""
    utc = instant if instant.tzinfo is UTC else instant.astimezone(UTC)
    return utc.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def from_unix_ms(unix_ms: int) -> datetime:
    """Return the instant of a Kafka timestamp."""
    return datetime.fromtimestamp(unix_ms / 1000, UTC)


def to_unix_ms(instant: datetime) -> int:
    """Return milliseconds since the epoch."""
    return round(instant.timestamp() * 1000)
