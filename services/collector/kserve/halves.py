"""One half of a call, as a CloudEvent of KServe's logger has it. Pure.

Both halves have the same id. Types and attributes: https://kserve.github.io/website, "Inference Logger".
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec

from services.collector.envelopes import read_as, utc
from services.collector.kserve.bodies import Answered, Asked, answered_in, asked_in
from services.collector.mending import UNREADABLE, any_json
from services.collector.verdicts import Rejected

_FAMILY = "org.kubeflow.serving.inference."
_REQUEST, _RESPONSE = f"{_FAMILY}request", f"{_FAMILY}response"
_NOTHING = msgspec.Raw(b"null")


class _Kind(msgspec.Struct, frozen=True):
    type: object = None


class _Envelope(msgspec.Struct, frozen=True):
    type: str
    id: str = ""
    source: str = ""
    time: datetime | None = None
    inferenceservicename: str = ""
    namespace: str = ""
    component: str = ""
    endpoint: str = ""
    data: msgspec.Raw = _NOTHING
    data_base64: str = ""


_KIND = msgspec.json.Decoder(_Kind)
_ENVELOPE = msgspec.json.Decoder(_Envelope)


@dataclass(frozen=True, slots=True)
class Half:
    """What was asked, or what was answered.

    Attributes:
        at: When it was logged, UTC.
        size: Bytes of the element that it came from.
    """

    call_id: str
    service: str
    at: datetime
    content: Asked | Answered
    tags: Mapping[str, str]
    size: int

    @property
    def key(self) -> tuple[str, ...]:
        """What both halves of a call share and no other call of any service has."""
        return (self.tags.get("namespace", ""), self.service, self.tags.get("component", ""), self.call_id)


def half_in(data: bytes, now: datetime) -> Half | None:
    """Return the half that a structured CloudEvent is; None for every other type of event.

    Raises:
        Rejected: Malformed, without an id, of an unknown type of KServe's, or its time has no offset.
    """
    if _FAMILY.encode() not in data:
        return None
    kind = read_as(_KIND, data)
    if not isinstance(kind.type, str) or not kind.type.startswith(_FAMILY):
        return None
    envelope = read_as(_ENVELOPE, data)
    if envelope.type not in (_REQUEST, _RESPONSE):
        raise Rejected(f"type is none of {_REQUEST}, {_RESPONSE}")
    if not envelope.id:
        raise Rejected("CloudEvents needs id")
    body = _body(envelope)
    told = ((name, getattr(envelope, name)) for name in ("namespace", "component", "endpoint"))
    return Half(
        call_id=envelope.id,
        service=envelope.inferenceservicename,
        at=utc(envelope.time) or now,
        content=asked_in(body) if envelope.type == _REQUEST else answered_in(body),
        tags={name: value for name, value in told if value},
        size=len(data),
    )


def _body(envelope: _Envelope) -> object:
    """Return the JSON that is the data, or the text where it is none, as of a stream."""
    if not envelope.data_base64:
        body = _json_or_text(bytes(envelope.data))
        return _json_or_text(body.encode(errors="replace")) if isinstance(body, str) else body
    try:
        return _json_or_text(base64.b64decode(envelope.data_base64, validate=True))
    except binascii.Error as error:
        raise Rejected("data_base64 is not base64") from error


def _json_or_text(data: bytes) -> object:
    try:
        return any_json(data)
    except UNREADABLE:
        return data.decode(errors="replace")
