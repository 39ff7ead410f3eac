"""The body of POST /v1/feedback as clients write it. Pure."""

import re
from typing import Annotated, Literal

import msgspec

from schemas.feedback import Signal
from schemas.record import Identifier, Name, Ratio
from services.parts.ingress.errors import Refusal

_MOST = 1000
_AT = re.compile(r" - at `\$\.?(?P<path>[^`]*)`")


class Feedback(msgspec.Struct, frozen=True):
    """One judgement as clients write it; `app` may be left out when only one is served.

    Attributes:
        thumb: Another way to say a score of 1 or 0.
        correction: As services.gateway.feedback.answers reads it, and so are `preferred` and `rejected`.
        user: Whoever judges, in the client's own words: events have a pseudonym.
        event_id: The client's own name of the judgement: what is sent again under it is the same one.
    """

    request_id: Identifier
    app: Name = ""
    label: Annotated[str, msgspec.Meta(max_length=4096)] | None = None
    score: Ratio | None = None
    thumb: Literal["up", "down"] | None = None
    rating: Annotated[int, msgspec.Meta(ge=1, le=5)] | None = None
    correction: msgspec.Raw = msgspec.Raw()
    preferred: msgspec.Raw = msgspec.Raw()
    rejected: msgspec.Raw = msgspec.Raw()
    signal: Signal | None = None
    source: Name = "user"
    user: Annotated[str, msgspec.Meta(max_length=4096)] = ""
    comment: Annotated[str, msgspec.Meta(max_length=8192)] = ""
    tenant: Name = ""
    event_id: Name = ""


_DECODER = msgspec.json.Decoder(Feedback | Annotated[list[Feedback], msgspec.Meta(max_length=_MOST, min_length=1)])


def parse_feedback(body: bytes) -> tuple[Feedback, ...]:
    """Return the judgements in a body: one object, or an array of them.

    Raises:
        Refusal: 400, naming the element and the field; nothing of the array is taken then.
    """
    try:
        given = _DECODER.decode(body)
    except msgspec.ValidationError as error:
        raise _invalid(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal(400, "the body is not valid JSON", code="invalid_json") from error
    return (given,) if isinstance(given, Feedback) else tuple(given)


def _invalid(error: msgspec.ValidationError) -> Refusal:
    text = str(error)
    at = _AT.search(text)
    missing = re.search(r"missing required field `([^`]+)`", text)
    path = ".".join(part for part in (at["path"] if at else "", missing[1] if missing else "") if part)
    return Refusal(400, _AT.sub("", text), param=path, code="invalid_value")
