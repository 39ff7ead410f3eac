"""From request bodies to elements: CloudEvents 1.0 in JSON, alone or batched, and lines of JSON. Pure."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from schemas.codec import BATCH_CONTENT_TYPE, BadRecord, split
from schemas.ids import derived_id
from services.collector.inbound import Element
from services.collector.mending import UNREADABLE, read
from services.collector.verdicts import Rejected
from services.parts.ingress.errors import Refusal

SINGLE_CONTENT_TYPE = "application/cloudevents+json"
LINES_CONTENT_TYPES = ("application/x-ndjson", "application/jsonl")
MAX_ELEMENTS = 10_000


class _Envelope(msgspec.Struct, frozen=True):
    """CloudEvents attributes; lines of JSON need only `type` and `data`."""

    type: str
    data: dict[str, object]
    id: str = ""
    source: str = ""
    specversion: str = ""
    time: datetime | None = None


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_BATCH = msgspec.json.Decoder(list[msgspec.Raw])
T = TypeVar("T")


def elements_in(body: bytes, content_type: str) -> list[bytes]:
    """Return the elements of a body, each still JSON.

    Raises:
        Refusal: 415 an unknown content type; 400 an empty, unreadable or endless body.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind in LINES_CONTENT_TYPES:
        found = [line for line in body.split(b"\n") if line.strip()]
    elif kind == BATCH_CONTENT_TYPE or (kind == "application/json" and body.lstrip().startswith(b"[")):
        found = _batched(body)
    elif kind in (SINGLE_CONTENT_TYPE, "application/json"):
        found = [body]
    else:
        known = ", ".join((SINGLE_CONTENT_TYPE, BATCH_CONTENT_TYPE, LINES_CONTENT_TYPES[0]))
        raise Refusal(415, f"content-type is none of {known}")
    if not 0 < len(found) <= MAX_ELEMENTS:
        raise Refusal(400, f"{len(found)} events; send between 1 and {MAX_ELEMENTS}")
    return found


def _batched(body: bytes) -> list[bytes]:
    try:
        return [bytes(raw) for raw in _BATCH.decode(body)]
    except UNREADABLE:
        return _taken_apart(body)


def _taken_apart(body: bytes) -> list[bytes]:
    """Return the elements of an array in which something is no JSON: that stays its element's affair."""
    try:
        return split(body)
    except BadRecord as error:
        raise Refusal(400, "the body is not a JSON array", code="invalid_json") from error


def parse_element(data: bytes, *, plain: bool, new_id: Callable[[], str]) -> Element:
    """Return an element. `plain` elements need no CloudEvents attributes.

    Raises:
        Rejected: Malformed, or without what CloudEvents requires.
    """
    envelope = read_as(_ENVELOPE, data)
    missing = list(_missing(envelope))
    if missing and not plain:
        raise Rejected(f"CloudEvents needs {', '.join(missing)}")
    # CloudEvents: source and id together name an event, so the same pair is the same event again.
    named = envelope.source and envelope.id
    event_id = derived_id("cloudevents", envelope.source, envelope.id) if named else new_id()
    return Element(envelope.type, envelope.data, event_id, utc(envelope.time))


def read_as(decoder: msgspec.json.Decoder[T], data: bytes) -> T:
    """Return an element as a decoder has it; what is wrong with it may be no more than half an emoji.

    Raises:
        Rejected: Malformed, or of other types than the decoder's.
    """

    def reader(text: bytes) -> T:
        try:
            return decoder.decode(text)
        except msgspec.ValidationError as error:
            raise Rejected(f"invalid: {error}") from error

    try:
        return read(reader, data)
    except UNREADABLE as error:
        raise Rejected("malformed JSON") from error


def utc(time: datetime | None) -> datetime | None:
    """Return the time of an envelope in UTC.

    Raises:
        Rejected: It has no offset, or is nobody's in UTC.
    """
    if time is None:
        return None
    if time.tzinfo is None:
        raise Rejected("time has no offset from UTC")
    try:
        return time.astimezone(UTC)
    except OverflowError as error:
        raise Rejected("time is out of range") from error


def _missing(envelope: _Envelope) -> Iterable[str]:
    if not envelope.id:
        yield "id"
    if not envelope.source:
        yield "source"
    if envelope.specversion != "1.0":
        yield "specversion 1.0"
