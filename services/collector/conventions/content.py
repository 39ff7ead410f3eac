"""What was asked and answered, in each of the forms that instrumentations write. Pure.

Structured: `gen_ai.input.messages`, `gen_ai.output.messages`, `gen_ai.system_instructions`
(OpenTelemetry GenAI), on the span or on an event of it. Spread over attributes: see `indexed`. One event a
message: `gen_ai.user.message` and its like, `gen_ai.choice`. Plain: `gen_ai.prompt`, `input.value`.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeGuard

import msgspec

from schemas.inference import Message
from services.collector.conventions.attributes import NAME_LENGTH, Attributes, as_text, decoded, text
from services.collector.conventions.indexed import spread_messages
from services.collector.conventions.messages import Item, message_of
from services.collector.otlp.spans import Attribute, Span, SpanEvent

_CARRIERS = ("gen_ai.client.inference.operation.details", "gen_ai.content.prompt", "gen_ai.content.completion")
_MESSAGE_EVENT = re.compile(r"gen_ai\.(system|user|assistant|tool)\.message")
_CHOICE_EVENT = "gen_ai.choice"
_INPUT_PREFIXES = ("gen_ai.prompt.", "llm.input_messages.")
_OUTPUT_PREFIXES = ("gen_ai.completion.", "llm.output_messages.")
_INSTRUCTIONS = "gen_ai.system_instructions"
_FINISH_REASON = (
    "gen_ai.completion.0.finish_reason",
    "gen_ai.response.finish_reason",
    "gen_ai.response.stop_reason",
    "llm.response.finish_reason",
    "llm.finish_reason",
)
# OpenTelemetry's messages name it so; the contract has OpenAI's word, as the gateway records it.
_REASONS = {"tool_call": "tool_calls"}


@dataclass(frozen=True, slots=True)
class Content:
    """What a span tells of a call's texts.

    Attributes:
        asked: Empty when the instrumentation records no content.
        answered: The first choice; None when there is none on record.
        finish_reason: Empty when nobody says.
        cut: A limit on attributes cost some of it.
    """

    asked: tuple[Message, ...]
    answered: Message | None
    finish_reason: str
    cut: bool


def content_of(span: Span) -> Content:
    """Return what was asked and answered; text that can't be read costs itself alone."""
    attributes = with_carried(span)
    cuts: list[str] = []
    read = partial(_items, attributes, cuts)
    asked = _found(
        lambda: read("gen_ai.input.messages"),
        lambda: spread_messages(attributes, _INPUT_PREFIXES),
        lambda: _message_events(span),
        lambda: _plain(attributes, cuts, "gen_ai.prompt"),
        lambda: _plain(attributes, cuts, "input.value"),
    )
    answered = _found(
        lambda: read("gen_ai.output.messages"),
        lambda: spread_messages(attributes, _OUTPUT_PREFIXES),
        lambda: _choice_events(span),
        lambda: _plain(attributes, cuts, "gen_ai.completion"),
        lambda: _plain(attributes, cuts, "output.value"),
    )
    instructions: list[Item] = [{"role": "system", "parts": list(parts)}] if (parts := read(_INSTRUCTIONS)) else []
    return Content(
        asked=tuple(message_of(item) for item in (*instructions, *asked)),
        answered=msgspec.structs.replace(message_of(answered[0]), role="assistant") if answered else None,
        finish_reason=_REASONS.get(reason := _finish_reason(attributes, answered)[:NAME_LENGTH], reason),
        cut=bool(cuts),
    )


def _found(*sources: Callable[[], Sequence[Item]]) -> Sequence[Item]:
    return next((items for source in sources if (items := source())), ())


def with_carried(span: Span) -> Attributes:
    """Return the span's attributes, and those of its events that carry content in its stead."""
    carried: dict[str, Attribute] = {}
    for event in span.events:
        carried |= event.attributes if event.name in _CARRIERS else {}
    return {**carried, **span.attributes}


def _items(attributes: Attributes, cuts: list[str], name: str) -> list[Item]:
    """Return the objects in an attribute of JSON, and note a cut; text that is no JSON is a message of it."""
    value: object = attributes.get(name)
    if isinstance(value, str) and value[:1] in ("[", "{"):
        value, intact = decoded(value)
        cuts += [] if intact else [name]
    if value is None or value == "":
        return []
    listed = value if isinstance(value, list) else [value]
    return [item if isinstance(item, dict) else {"content": as_text(item)} for item in listed if item is not None]


def _plain(attributes: Attributes, cuts: list[str], name: str) -> list[Item]:
    """Return the messages of a whole request or answer in OpenAI's form; of any other text a message of it."""
    value = attributes.get(name)
    if isinstance(value, str) and value[:1] in ("[", "{"):
        found, intact = decoded(value)
        if items := _messages_in(found):
            cuts += [] if intact else [name]
            return items
    return [] if value is None or value == "" else [{"content": as_text(value)}]


def _messages_in(found: object) -> list[Item]:
    told = next((found[key] for key in ("messages", "choices") if key in found), found) if _is_object(found) else found
    kept = [item for item in told if _is_object(item)] if isinstance(told, list) else [told]
    return [
        _unfolded(item) for item in kept if _is_object(item) and ("role" in item or _is_object(item.get("message")))
    ]


def _is_object(value: object) -> TypeGuard[dict[str, object]]:
    return isinstance(value, dict)


def _unfolded(choice: Item) -> Item:
    message = choice.get("message")
    return {**choice, **message} if isinstance(message, dict) else choice


def _message_events(span: Span) -> list[Item]:
    return [
        {**_body(event), "role": match[1]}
        for event in span.events
        if (match := _MESSAGE_EVENT.fullmatch(event.name)) is not None
    ]


def _choice_events(span: Span) -> list[Item]:
    return [_unfolded(_body(event)) for event in span.events if event.name == _CHOICE_EVENT]


def _body(event: SpanEvent) -> dict[str, object]:
    """Return the fields of an event: attributes, or all of them as JSON in one attribute."""
    whole, _ = decoded(str(event.attributes.get("gen_ai.event.content") or "{}"))
    fields: dict[str, object] = {**(whole if isinstance(whole, dict) else {}), **event.attributes}
    for name in ("message", "tool_calls"):
        if isinstance(written := fields.get(name), str):
            fields[name], _ = decoded(written)
    return fields


def _finish_reason(attributes: Attributes, answered: Sequence[Item]) -> str:
    reasons: object = attributes.get("gen_ai.response.finish_reasons")
    if isinstance(reasons, str) and reasons.startswith("["):
        reasons, _ = decoded(reasons)
    told = reasons if isinstance(reasons, list) else [reasons]
    told = [*told, *(item.get("finish_reason") for item in answered), text(attributes, _FINISH_REASON)]
    return next((as_text(reason) for reason in told if reason), "")
