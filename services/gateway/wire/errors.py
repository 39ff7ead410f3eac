"""What an upstream says of its failure, in the forms in which it is said. Pure."""

from dataclasses import dataclass
from typing import Any

import msgspec

from services.gateway.wire.formats.reading import decoded, mapping, name_of, text_of

_MAX_MESSAGE = 2048


class _Body(msgspec.Struct, frozen=True):
    error: object = None
    message: object = None
    detail: object = None
    type: object = None
    code: object = None


_BODY = msgspec.json.Decoder(_Body)


@dataclass(frozen=True, slots=True)
class UpstreamError:
    """An upstream's own words.

    Attributes:
        kind: Its name for the error: OpenAI's `type`, else `code`.
    """

    message: str = ""
    kind: str = ""


def error_in(data: bytes) -> UpstreamError | None:
    """Return the error that a body tells: OpenAI's form, vLLM's older one, FastAPI's `detail`, a bare text."""
    body = decoded(_BODY, _Body, data)
    if body is None:
        return None
    if body.error:
        return error_of(body.error)
    if body.message or body.detail:
        return UpstreamError(text_of(body.message or body.detail)[:_MAX_MESSAGE], name_of(body.type or body.code))
    return None


def error_of(value: object) -> UpstreamError:
    """Return the error in the value of an `error` member."""
    if not isinstance(value, dict):
        return UpstreamError(text_of(value)[:_MAX_MESSAGE])
    wire: dict[str, Any] = mapping(value)
    kind = name_of(wire.get("type")) or name_of(wire.get("code"))
    return UpstreamError(text_of(wire.get("message"))[:_MAX_MESSAGE], kind)
