"""OpenAI's Responses API, read as far as a call's record needs it: items in, items out, events. Pure."""

from typing import Any

import msgspec

from schemas.inference import Choice, LogprobSummary, Message, ToolCall
from services.gateway.wire.answers import Answer, answer_of
from services.gateway.wire.errors import UpstreamError, error_of
from services.gateway.wire.formats.reading import Doubts, decoded, json_text, listed, mapping, name_of, text_of
from services.gateway.wire.logprobs import Logprobs
from services.gateway.wire.messages import content_of, message_of
from services.gateway.wire.usage import usage_of

_REASONS = {"max_output_tokens": "length"}
_CALLS = {"function_call": "arguments", "custom_tool_call": "input"}
_RESULTS = {"function_call_output", "custom_tool_call_output"}
_LAST = {"response.completed", "response.incomplete", "response.failed"}
_TEXT = {"response.output_text.delta", "response.refusal.delta"}
_THOUGHT = {"response.reasoning_text.delta", "response.reasoning_summary_text.delta"}


class _Response(msgspec.Struct, frozen=True):
    output: object = None
    status: object = None
    incomplete_details: object = None
    usage: object = None
    error: object = None


class _Event(msgspec.Struct, frozen=True):
    type: object = None
    delta: object = None
    item: object = None
    response: object = None
    error: object = None
    message: object = None
    code: object = None
    logprobs: object = None


_RESPONSE = msgspec.json.Decoder(_Response)
_EVENT = msgspec.json.Decoder(_Event)


def messages_in(instructions: object, given: object, doubts: Doubts) -> tuple[Message, ...]:
    """Return the conversation of a request: its instructions, then its input items."""
    system = (Message(role="system", content=text_of(instructions)),) if instructions else ()
    if isinstance(given, str):
        return (*system, Message(role="user", content=given))
    items = (_message(mapping(item), doubts) for item in listed(given))
    return (*system, *(message for message in items if message is not None))


def read_response(data: bytes, doubts: Doubts) -> Answer | None:
    """Return the answer in a whole response; None when it is no JSON object."""
    wire = decoded(_RESPONSE, _Response, data)
    return None if wire is None else _answer(wire, doubts)


class ResponseTranscript:
    """A stream of response events; see Transcript. Its last event repeats the whole answer."""

    def __init__(self) -> None:
        self.spoke = self.done = False
        self.error: UpstreamError | None = None
        self.doubts = Doubts()
        self._texts: list[str] = []
        self._thoughts: list[str] = []
        self._whole: Answer | None = None
        self._logprobs: Logprobs | None = None

    @property
    def finished(self) -> bool:
        """The last event has come."""
        return self.done

    @property
    def begun(self) -> bool:
        """An event was understood."""
        return bool(self._texts or self._thoughts)

    def hear(self, data: bytes) -> bool:
        """Take the data of one event; usage never comes alone here."""
        if data == b"[DONE]":
            self.done = True
            return False
        event = decoded(_EVENT, _Event, data)
        kind = event.type if event else None
        if event is None or not isinstance(kind, str):
            self.doubts.note()
        elif kind in _TEXT or kind in _THOUGHT:
            (self._texts if kind in _TEXT else self._thoughts).append(text_of(event.delta))
            self.spoke = True
            if event.logprobs:
                self._logprobs = self._logprobs or Logprobs()
                self._logprobs.hear(event.logprobs)
        elif kind == "response.output_item.added":
            self.spoke = self.spoke or mapping(event.item).get("type") in _CALLS
        elif kind in _LAST:
            self._close(mapping(event.response))
        elif kind == "error":
            self.error = error_of(event.error or {"message": event.message, "code": event.code})
        return False

    def answer(self) -> Answer:
        """Return what was said up to now."""
        if self._whole is not None:
            return self._whole
        output = Message(role="assistant", content="".join(self._texts))
        said = output if self.spoke else None
        likely = self._logprobs.summary() if self._logprobs else None
        return Answer(said, reasoning="".join(self._thoughts), error=self.error, logprobs=likely)

    def _close(self, response: dict[str, Any]) -> None:
        self.done = True
        known = {name: response[name] for name in _Response.__struct_fields__ if name in response}
        self._whole = _answer(_Response(**known), self.doubts)
        self.error = self._whole.error


def _answer(wire: _Response, doubts: Doubts) -> Answer:
    error = error_of(wire.error) if wire.error else None
    items = [mapping(item) for item in listed(wire.output)]
    if not isinstance(wire.output, list):
        doubts.note()
    calls = tuple(_call(item) for item in items if item.get("type") in _CALLS)
    said = [content_of(item.get("content"), doubts) for item in items if item.get("type") == "message"]
    if not said and not calls:
        return Answer(usage=usage_of(wire.usage), error=error)
    output = Message(role="assistant", content="\n".join(_plain(one) for one in said), tool_calls=calls)
    reasoning = "\n".join(text for item in items if item.get("type") == "reasoning" and (text := _reasoning(item)))
    choice = Choice(output=output, finish_reason=_finish_reason(wire, bool(calls)), reasoning=reasoning)
    return answer_of([choice], usage_of(wire.usage), error, _logprobs(items))


def _logprobs(items: list[dict[str, Any]]) -> LogprobSummary | None:
    heard = Logprobs()
    for item in items:
        for part in listed(item.get("content")) if item.get("type") == "message" else ():
            heard.hear(mapping(part).get("logprobs"))
    return heard.summary()


def _finish_reason(wire: _Response, calls: bool) -> str:
    if wire.status == "completed":
        return "tool_calls" if calls else "stop"
    reason = name_of(mapping(wire.incomplete_details).get("reason"))
    return _REASONS.get(reason, reason)


def _message(item: dict[str, Any], doubts: Doubts) -> Message | None:
    kind = item.get("type") or ("message" if "role" in item else None)
    if kind == "message":
        return message_of(item, doubts)
    if kind in _CALLS:
        return Message(role="assistant", tool_calls=(_call(item),))
    if kind in _RESULTS:
        content = content_of(item.get("output"), doubts)
        return Message(role="tool", content=content, tool_call_id=name_of(item.get("call_id")))
    if kind == "reasoning":
        return None
    doubts.note()
    return Message(role="other", content=json_text(item))


def _call(item: dict[str, Any]) -> ToolCall:
    asked = item.get(_CALLS[item["type"]])
    return ToolCall(id=text_of(item.get("call_id")), name=text_of(item.get("name")), arguments=text_of(asked))


def _reasoning(item: dict[str, Any]) -> str:
    parts = listed(item.get("content")) or listed(item.get("summary"))
    return "\n".join(text_of(mapping(part).get("text")) for part in parts)


def _plain(content: object) -> str:
    if isinstance(content, tuple):
        return "\n".join(part.text for part in content if part.text)
    return text_of(content)
