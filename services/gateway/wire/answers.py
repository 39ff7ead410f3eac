"""What upstreams answer to chat and text completions: whole, and in streams of chunks. Pure."""

from typing import Any, Protocol

import msgspec

from schemas.inference import Choice, ContentPart, LogprobSummary, Message, ToolCall, Usage
from services.gateway.wire.calls import HeardCalls
from services.gateway.wire.errors import UpstreamError, error_of
from services.gateway.wire.formats.reading import Doubts, decoded, listed, mapping, name_of, text_of, whole_of
from services.gateway.wire.logprobs import Logprobs, logprobs_of
from services.gateway.wire.messages import calls_of, content_of, thoughts_in
from services.gateway.wire.usage import NO_USAGE, usage_of

_DONE = b"[DONE]"


class Answer(msgspec.Struct, frozen=True):
    """What the model said.

    Attributes:
        output: The first choice's message; None when there was none.
        reasoning: What the model wrote on the way to the first choice.
        others: The choices beyond the first.
        error: What the upstream said of its failure, if it failed.
        logprobs: How likely the first choice's tokens were, if the upstream said.
    """

    output: Message | None = None
    finish_reason: str = ""
    usage: Usage = NO_USAGE
    reasoning: str = ""
    others: tuple[Choice, ...] = ()
    error: UpstreamError | None = None
    logprobs: LogprobSummary | None = None


class Transcript(Protocol):
    """What a stream has said so far. Nothing that it hears makes it raise.

    Attributes:
        spoke: Content, reasoning, a refusal or a tool call has come: the moment of the first token.
        done: The stream's own end mark has come.
        begun: Something was understood.
        finished: Everything that was begun has its end.
        error: What the upstream said of a failure within the stream.
        doubts: What was not understood.
    """

    spoke: bool
    done: bool
    error: UpstreamError | None
    doubts: Doubts

    @property
    def begun(self) -> bool: ...

    @property
    def finished(self) -> bool: ...

    def hear(self, data: bytes) -> bool:
        """Take the data of one event; return whether it only closes with usage."""
        ...

    def answer(self) -> Answer:
        """Return what was said up to now."""
        ...


class _Completion(msgspec.Struct, frozen=True):
    choices: object = None
    usage: object = None
    error: object = None


_COMPLETION = msgspec.json.Decoder(_Completion)


def read_completion(data: bytes, doubts: Doubts) -> Answer | None:
    """Return the answer in a whole completion of either kind; None when it is no JSON object."""
    wire = decoded(_COMPLETION, _Completion, data)
    if wire is None:
        return None
    if not isinstance(wire.choices, list):
        doubts.note()
    told = listed(wire.choices)
    choices = [_choice(one, doubts) for one in told]
    error = error_of(wire.error) if wire.error else None
    likely = mapping(told[0]).get("logprobs") if told else None
    return answer_of(choices, usage_of(wire.usage), error, logprobs_of(likely) if likely else None)


def answer_of(
    choices: list[Choice], usage: Usage, error: UpstreamError | None = None, logprobs: LogprobSummary | None = None
) -> Answer:
    """Return the answer that consists of these choices; `logprobs` are the first one's."""
    if not choices:
        return Answer(usage=usage, error=error)
    first = choices[0]
    return Answer(first.output, first.finish_reason, usage, first.reasoning, tuple(choices[1:]), error, logprobs)


def _choice(value: object, doubts: Doubts) -> Choice:
    wire = mapping(value)
    said = mapping(wire.get("message"))
    plain = said.get("content")
    if type(plain) is str and plain and len(said) == 2 and "role" in said:
        output = Message(role="assistant", content=plain)
        return Choice(output=output, finish_reason=name_of(wire.get("finish_reason")))
    content: str | tuple[ContentPart, ...] = content_of(said.get("content"), doubts)
    if not said:
        content = text_of(wire.get("text"))
        if "text" not in wire:
            doubts.note()
    output = Message(
        role="assistant", content=content or text_of(said.get("refusal")), tool_calls=calls_of(said, doubts)
    )
    return Choice(output=output, finish_reason=name_of(wire.get("finish_reason")), reasoning=thoughts_in(said))


class _Heard:
    """One choice of a stream."""

    __slots__ = ("_calls", "_texts", "_thoughts", "finish_reason", "logprobs")

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._thoughts: list[str] = []
        self._calls: HeardCalls | None = None
        self.finish_reason = ""
        self.logprobs: Logprobs | None = None

    def hear(self, choice: dict[str, Any], doubts: Doubts) -> bool:
        """Take a choice of one chunk; return whether it says something."""
        if reason := choice.get("finish_reason"):
            self.finish_reason = name_of(reason)
        if likely := choice.get("logprobs"):
            self.logprobs = self.logprobs or Logprobs()
            self.logprobs.hear(likely)
        said = choice.get("delta")
        if type(said) is not dict:
            return self._say(text_of(choice.get("text")))
        content = said.get("content")
        if type(content) is not str:
            return self._hear_more(said, _plain(content_of(content, doubts)), doubts)
        return self._say(content) if len(said) == 1 else self._hear_more(said, content, doubts)

    def choice(self) -> Choice:
        calls: tuple[ToolCall, ...] = self._calls.whole() if self._calls else ()
        output = Message(role="assistant", content="".join(self._texts), tool_calls=calls)
        return Choice(output=output, finish_reason=self.finish_reason, reasoning="".join(self._thoughts))

    def _hear_more(self, said: dict[str, Any], text: str, doubts: Doubts) -> bool:
        thought = thoughts_in(said)
        if thought:
            self._thoughts.append(thought)
        pieces = listed(said.get("tool_calls"))
        if old := said.get("function_call"):
            pieces = [*pieces, {"index": 0, "function": old}]
        if pieces:
            self._calls = self._calls or HeardCalls()
            self._calls.hear(pieces, doubts)
        return self._say(text or text_of(said.get("refusal"))) or bool(thought or pieces)

    def _say(self, text: str) -> bool:
        if text:
            self._texts.append(text)
        return bool(text)


class ChatTranscript:
    """A stream of chat or text completion chunks; see Transcript."""

    def __init__(self) -> None:
        self.spoke = self.done = False
        self.error: UpstreamError | None = None
        self.doubts = Doubts()
        self._choices: dict[int, _Heard] = {}
        self._usage = NO_USAGE

    @property
    def begun(self) -> bool:
        """A choice has begun."""
        return bool(self._choices)

    @property
    def finished(self) -> bool:
        """Every choice that has begun has its finish reason."""
        return bool(self._choices) and all(heard.finish_reason for heard in self._choices.values())

    def hear(self, data: bytes) -> bool:
        """Take the data of one event; return whether it only closes with usage."""
        if data == _DONE:
            self.done = True
            return False
        chunk = decoded(_COMPLETION, _Completion, data)
        if chunk is None:
            self.doubts.note()
            return False
        if chunk.error:
            self.error = error_of(chunk.error)
        if chunk.usage:
            self._usage = usage_of(chunk.usage)
        choices = chunk.choices
        if not choices or type(choices) is not list:
            return bool(chunk.usage) and not choices
        for choice in choices:
            self._hear_choice(mapping(choice))
        return False

    def answer(self) -> Answer:
        """Return what was said up to now."""
        choices = [self._choices[index].choice() for index in sorted(self._choices)]
        heard = self._choices[min(self._choices)].logprobs if choices else None
        answer = answer_of(choices, self._usage, self.error, heard.summary() if heard else None)
        return answer if self.spoke else Answer(None, answer.finish_reason, self._usage, error=self.error)

    def _hear_choice(self, choice: dict[str, Any]) -> None:
        index = choice.get("index", 0)
        if type(index) is not int:
            index = whole_of(index) or 0
        heard = self._choices.get(index)
        if heard is None:
            heard = self._choices[index] = _Heard()
        if heard.hear(choice, self.doubts):
            self.spoke = True


def _plain(content: str | tuple[ContentPart, ...]) -> str:
    return content if isinstance(content, str) else "".join(part.text for part in content)
