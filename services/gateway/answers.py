"""What upstreams answer: whole completions and streams of chunks. Pure.

Both forms are readdressed on the way out: `id` becomes our request id, `model` the app's name, so
that a client can give feedback by the id it has seen.
"""

from dataclasses import dataclass, field

import msgspec
from msgspec import Raw

from schemas.inference import Message, ToolCall, Usage

_MAX_EVENT_BYTES = 4 * 1024 * 1024
NO_USAGE = Usage()


class _CachedTokens(msgspec.Struct, frozen=True):
    cached_tokens: int | None = None


class _ReasoningTokens(msgspec.Struct, frozen=True):
    reasoning_tokens: int | None = None


class _Usage(msgspec.Struct, frozen=True):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _CachedTokens | None = None
    completion_tokens_details: _ReasoningTokens | None = None


class _Function(msgspec.Struct, frozen=True):
    name: str | None = None
    arguments: str | None = None


class _ToolCall(msgspec.Struct, frozen=True):
    index: int = 0
    id: str | None = None
    function: _Function | None = None


class _Spoken(msgspec.Struct, frozen=True):
    content: str | None = None
    refusal: str | None = None
    tool_calls: tuple[_ToolCall, ...] | None = None


class _Choice(msgspec.Struct, frozen=True):
    message: _Spoken | None = None
    delta: _Spoken | None = None
    finish_reason: str | None = None
    index: int = 0


class _Completion(msgspec.Struct, frozen=True):
    choices: tuple[_Choice, ...]
    usage: _Usage | None = None


_COMPLETION = msgspec.json.Decoder(_Completion)
_FIELDS = msgspec.json.Decoder(dict[str, Raw])


class BadAnswer(ValueError):
    """The upstream's answer is no completion."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model said, first choice only."""

    output: Message | None = None
    finish_reason: str = ""
    usage: Usage = NO_USAGE


def parse_completion(data: bytes) -> Answer:
    """Return the answer in a whole completion.

    Raises:
        BadAnswer: Not JSON, or without a choice that has a message.
    """
    completion = _decoded(data)
    if not completion.choices or completion.choices[0].message is None:
        raise BadAnswer("completion without a message")
    choice, said = completion.choices[0], completion.choices[0].message
    calls = tuple(_tool_call(call) for call in said.tool_calls or ())
    output = Message(role="assistant", content=said.content or said.refusal or "", tool_calls=calls)
    return Answer(output, choice.finish_reason or "", _usage(completion.usage))


def readdressed(data: bytes, request_id: str, app: str) -> bytes:
    """Return a completion or chunk under our id and the app's name; everything else stays as it came."""
    fields = _FIELDS.decode(data)
    fields["id"] = Raw(msgspec.json.encode(request_id))
    fields["model"] = Raw(msgspec.json.encode(app))
    return msgspec.json.encode(fields)


@dataclass(slots=True)
class Transcript:
    """What a stream has said so far, first choice only.

    Attributes:
        spoke: True once content, a refusal or a tool call has come: the moment of the first token.
        done: True once `[DONE]` has come.
    """

    spoke: bool = False
    done: bool = False
    _texts: list[str] = field(default_factory=list)
    _calls: dict[int, ToolCall] = field(default_factory=dict)
    _finish_reason: str = ""
    _usage: Usage = NO_USAGE

    def hear(self, data: bytes) -> bool:
        """Take the data of one server-sent event; return whether it only closes with usage.

        Raises:
            BadAnswer: Neither `[DONE]` nor a chunk.
        """
        if data == b"[DONE]":
            self.done = True
            return False
        chunk = _decoded(data)
        if chunk.usage is not None:
            self._usage = _usage(chunk.usage)
        for choice in chunk.choices:
            if choice.index == 0:
                self._hear_choice(choice)
        return not chunk.choices and chunk.usage is not None

    def answer(self) -> Answer:
        """Return what was said up to now."""
        calls = tuple(self._calls[index] for index in sorted(self._calls))
        output = Message(role="assistant", content="".join(self._texts), tool_calls=calls)
        return Answer(output if self.spoke else None, self._finish_reason, self._usage)

    def _hear_choice(self, choice: _Choice) -> None:
        self._finish_reason = choice.finish_reason or self._finish_reason
        said = choice.delta
        if said is None:
            return
        text = said.content or said.refusal
        if text:
            self._texts.append(text)
        for call in said.tool_calls or ():
            before = self._calls.get(call.index, ToolCall(id="", name=""))
            heard = _tool_call(call)
            self._calls[call.index] = ToolCall(
                id=before.id or heard.id, name=before.name + heard.name, arguments=before.arguments + heard.arguments
            )
        self.spoke = self.spoke or bool(text or said.tool_calls)


class EventSplitter:
    """Cuts a byte stream into the data of server-sent events, however the network chunked it."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the data of the events that are complete now.

        Raises:
            BadAnswer: An event grows past 4 MiB.
        """
        text = (self._rest + chunk).replace(b"\r\n", b"\n")
        *events, self._rest = text.split(b"\n\n")
        if len(self._rest) > _MAX_EVENT_BYTES:
            raise BadAnswer("event without an end")
        return [data for event in events if (data := _data(event))]


def _data(event: bytes) -> bytes:
    lines = (line[5:].removeprefix(b" ") for line in event.split(b"\n") if line.startswith(b"data:"))
    return b"\n".join(lines)


def _decoded(data: bytes) -> _Completion:
    try:
        return _COMPLETION.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadAnswer("not a completion") from error


def _tool_call(call: _ToolCall) -> ToolCall:
    function = call.function or _Function()
    return ToolCall(id=call.id or "", name=function.name or "", arguments=function.arguments or "")


def _usage(wire: _Usage | None) -> Usage:
    if wire is None:
        return Usage()
    cached = wire.prompt_tokens_details.cached_tokens if wire.prompt_tokens_details else 0
    reasoning = wire.completion_tokens_details.reasoning_tokens if wire.completion_tokens_details else 0
    return Usage(
        input_tokens=max(0, wire.prompt_tokens or 0),
        output_tokens=max(0, wire.completion_tokens or 0),
        cached_tokens=max(0, cached or 0),
        reasoning_tokens=max(0, reasoning or 0),
    )
