"""Conversations as curation compares, hashes and masks them: every message, tool calls included. Pure."""

import json
from collections.abc import Callable, Sequence

import msgspec

from schemas.inference import Message, ToolCall
from training.data.duplicates import normalised

Mask = Callable[[str], tuple[str, int]]


def identity(messages: Sequence[Message]) -> str:
    """Return what is the same for two conversations that say the same, system prompt and tool calls included."""
    return "\0".join(f"{message.role}\1{answer_identity(message)}" for message in messages)


def answer_identity(answer: Message) -> str:
    """Return what is the same for two answers that say the same; calls' ids and the spacing of JSON don't count."""
    calls = "\1".join(f"{call.name} {_canonical(call.arguments)}" for call in answer.tool_calls)
    return f"{normalised(_canonical(answer.text))}\1{calls}"


def asked(messages: Sequence[Message]) -> str:
    """Return all that the user said: of a single turn the prompt. The hold-out goes by it."""
    return "\n".join(message.text for message in messages if message.role == "user")


def beginnings(messages: Sequence[Message]) -> list[str]:
    """Return all that the user had said at each earlier turn, normalised."""
    said = [message.text for message in messages if message.role == "user"]
    return [normalised("\n".join(said[:turns])) for turns in range(1, len(said))]


def readable(answer: Message) -> str:
    """Return an answer as text, its tool calls included."""
    return "\n".join((answer.text, *(f"{call.name} {call.arguments}" for call in answer.tool_calls))).strip()


def masked(message: Message, mask: Mask) -> tuple[Message, int]:
    """Return a message without personal data, and how many entities were masked.

    In text and arguments that are JSON each value is masked by itself, so that JSON stays JSON.
    """
    text, count = _masked_text(message.text, mask)
    calls = []
    for call in message.tool_calls:
        arguments, found = _masked_text(call.arguments, mask)
        calls.append(ToolCall(id=call.id, name=call.name, arguments=arguments))
        count += found
    return msgspec.structs.replace(message, content=text, tool_calls=tuple(calls)), count


def _masked_text(text: str, mask: Mask) -> tuple[str, int]:
    """Return a masked text; one without personal data exactly as it was."""
    value = _decoded(text)
    if not isinstance(value, dict | list):
        return mask(text)
    clean, count = _masked_value(value, mask)
    return (json.dumps(clean, ensure_ascii=False), count) if count else (text, 0)


def _masked_value(value: object, mask: Mask) -> tuple[object, int]:
    if isinstance(value, dict):
        parts = {mask(str(key))[0]: _masked_value(part, mask) for key, part in value.items()}
        return {key: part for key, (part, _) in parts.items()}, sum(count for _, count in parts.values())
    if isinstance(value, list):
        items = [_masked_value(part, mask) for part in value]
        return [part for part, _ in items], sum(count for _, count in items)
    if isinstance(value, bool) or value is None:
        return value, 0
    text, count = mask(str(value))
    return (text, count) if count else (value, 0)


def _canonical(text: str) -> str:
    value = _decoded(text)
    return json.dumps(value, sort_keys=True, ensure_ascii=False) if isinstance(value, dict | list) else text


def _decoded(text: str) -> object:
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
