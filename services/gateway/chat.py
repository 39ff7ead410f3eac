"""From the body of POST /v1/chat/completions to a typed call, and to the body for the upstream. Pure.

Fields that the gateway does not know travel on untouched: top-level values stay raw JSON.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Raw

from schemas.inference import ContentPart, Message, Role, Sampling, ToolCall
from services.parts.ingress.errors import Refusal

_AT = re.compile(r" - at `\$\.?(?P<path>[^`]*)`")
_KINDS = {"text", "image_url", "input_audio", "file", "refusal"}
_OWN_FIELDS = ("metadata",)
_MAX_REFERENCE = 2048
_WITH_USAGE = Raw(b'{"include_usage":true}')
_FALSE = Raw(b"false")


class _Function(msgspec.Struct, frozen=True):
    name: str
    arguments: str = ""


class _ToolCall(msgspec.Struct, frozen=True):
    function: _Function
    id: str = ""


class _Image(msgspec.Struct, frozen=True):
    url: str


class _Part(msgspec.Struct, frozen=True):
    type: str
    text: str = ""
    refusal: str = ""
    image_url: _Image | str | None = None


class WireMessage(msgspec.Struct, frozen=True):
    """A chat message as OpenAI writes it."""

    role: Role
    content: str | tuple[_Part, ...] | None = None
    tool_calls: tuple[_ToolCall, ...] | None = None
    tool_call_id: str | None = None


class _StreamOptions(msgspec.Struct, frozen=True):
    include_usage: bool = False


Tags = Annotated[dict[str, Annotated[str, msgspec.Meta(max_length=512)]], msgspec.Meta(max_length=64)]


class _ChatBody(msgspec.Struct, frozen=True):
    model: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    messages: Annotated[tuple[WireMessage, ...], msgspec.Meta(min_length=1)]
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    user: str | None = None
    metadata: Tags | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None


_BODY = msgspec.json.Decoder(_ChatBody)
_FIELDS = msgspec.json.Decoder(dict[str, Raw])


@dataclass(frozen=True, slots=True)
class Chat:
    """What a client asks for.

    Attributes:
        user: As the client names it; becomes a pseudonym before it goes anywhere.
        wants_usage: The client asked for the closing usage chunk of a stream.
        fields: The body's top-level fields as they came.
    """

    app: str
    messages: tuple[Message, ...]
    sampling: Sampling
    user: str
    tags: dict[str, str]
    wants_usage: bool
    fields: dict[str, Raw]

    def body_for(self, model: str, user_id: str, *, stream: bool) -> bytes:
        """Return the body for the upstream: its model's name, a pseudonym, usage always asked for."""
        fields = {name: value for name, value in self.fields.items() if name not in _OWN_FIELDS}
        fields["model"] = Raw(msgspec.json.encode(model))
        if user_id:
            fields["user"] = Raw(msgspec.json.encode(user_id))
        if stream:
            fields["stream_options"] = _WITH_USAGE
        elif self.sampling.stream:
            fields["stream"] = _FALSE
            fields.pop("stream_options", None)
        return msgspec.json.encode(fields)


def parse_chat(body: bytes) -> Chat:
    """Return the call in a request body.

    Raises:
        Refusal: 400, naming the field and never repeating the body's text.
    """
    try:
        wire = _BODY.decode(body)
        fields = _FIELDS.decode(body)
    except msgspec.ValidationError as error:
        raise invalid(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal(400, "the body is not valid JSON", code="invalid_json") from error
    return Chat(
        app=wire.model,
        messages=tuple(message_of(message) for message in wire.messages),
        sampling=Sampling(
            max_tokens=wire.max_completion_tokens or wire.max_tokens,
            temperature=wire.temperature,
            top_p=wire.top_p,
            seed=wire.seed,
            stream=bool(wire.stream),
        ),
        user=wire.user or "",
        tags=wire.metadata or {},
        wants_usage=bool(wire.stream_options and wire.stream_options.include_usage),
        fields=fields,
    )


def invalid(error: msgspec.ValidationError) -> Refusal:
    """Return the answer to a body of wrong types."""
    text = str(error)
    at = _AT.search(text)
    missing = re.search(r"missing required field `([^`]+)`", text)
    path = ".".join(part for part in (at["path"] if at else "", missing[1] if missing else "") if part)
    return Refusal(400, _AT.sub("", text), param=path, code="invalid_value")


def message_of(wire: WireMessage) -> Message:
    """Return a message in the contract's form. Inline media become a hash: events carry no pictures."""
    content = wire.content if isinstance(wire.content, str) else tuple(_part(part) for part in wire.content or ())
    calls = tuple(
        ToolCall(id=c.id, name=c.function.name, arguments=c.function.arguments) for c in wire.tool_calls or ()
    )
    return Message(role=wire.role, content=content or "", tool_calls=calls, tool_call_id=wire.tool_call_id or "")


def _part(part: _Part) -> ContentPart:
    if part.type not in _KINDS:
        return ContentPart(type="file", reference=part.type[:_MAX_REFERENCE])
    image = part.image_url.url if isinstance(part.image_url, _Image) else part.image_url
    return ContentPart(type=part.type, text=part.text or part.refusal, reference=_reference(image or ""))  # type: ignore[arg-type]  # one of _KINDS


def _reference(url: str) -> str:
    if url.startswith("data:"):
        return f"sha256:{hashlib.sha256(url.encode()).hexdigest()}"
    return url[:_MAX_REFERENCE]
