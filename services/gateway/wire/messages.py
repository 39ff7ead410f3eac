"""Chat messages of any dialect in the contract's form. Inline media become a hash: events carry no pictures. Pure."""

import hashlib
from typing import Any

from schemas.inference import ContentPart, Message, Role, ToolCall
from services.gateway.wire.formats.reading import Doubts, json_text, listed, mapping, name_of, text_of

_MAX_REFERENCE = 2048
_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}
_TEXTS = {"text", "input_text", "output_text", "summary_text", "reasoning_text"}
_MEDIA = {
    "image_url": "image_url",
    "input_image": "image_url",
    "input_audio": "input_audio",
    "file": "file",
    "input_file": "file",
}
_THOUGHT = {"thinking", "reasoning"}


def messages_of(value: object, doubts: Doubts) -> tuple[Message, ...]:
    """Return the messages of a chat; a bare text is a user's only message."""
    if isinstance(value, str):
        return (Message(role="user", content=value),)
    if value is not None and not isinstance(value, list):
        doubts.note()
    return tuple(message_of(one, doubts) for one in listed(value))


def message_of(value: object, doubts: Doubts) -> Message:
    """Return one message; an unknown role is `other`."""
    if not isinstance(value, dict):
        doubts.note()
        return Message(role="other", content=text_of(value))
    content = value.get("content")
    more = len(value) > 2 or "content" not in value  # a role and tool calls alone are a message, too
    return Message(
        role=_role(value.get("role"), doubts),
        content=content if type(content) is str else content_of(content, doubts),
        tool_calls=calls_of(value, doubts) if more else (),
        tool_call_id=name_of(value.get("tool_call_id")) if more else "",
    )


def content_of(value: object, doubts: Doubts) -> str | tuple[ContentPart, ...]:
    """Return a message's content: its text, or its parts without thoughts (see `thoughts_in`)."""
    if isinstance(value, str) or value is None:
        return value or ""
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list):
        doubts.note()
        return text_of(value)
    return tuple(_part(part, doubts) for part in value if mapping(part).get("type") not in _THOUGHT)


def thoughts_in(said: dict[str, Any]) -> str:
    """Return the reasoning in a message or delta, under whichever of its names it comes."""
    for name in ("reasoning_content", "reasoning"):
        if text := said.get(name):
            return text if type(text) is str else text_of(mapping(text).get("content"))
    if said.get("reasoning_details"):
        return "".join(text_of(mapping(part).get("text")) for part in listed(said["reasoning_details"]))
    content = said.get("content")
    if type(content) is not list:
        return ""
    thought = [part for part in content if mapping(part).get("type") in _THOUGHT]
    return "".join(_thought(part) for part in thought)


def calls_of(said: dict[str, Any], doubts: Doubts) -> tuple[ToolCall, ...]:
    """Return the tool calls of a message, of any kind; the older `function_call` is one, too."""
    calls = [call_of(one, doubts) for one in listed(said.get("tool_calls"))]
    if old := mapping(said.get("function_call")):
        calls.append(call_of({"function": old}, doubts))
    return tuple(calls)


def call_of(value: object, doubts: Doubts) -> ToolCall:
    """Return one tool call, whole or a piece of one; of an unknown kind its kind is the name."""
    wire = mapping(value)
    function = mapping(wire.get("function"))
    custom = mapping(wire.get("custom"))
    asked = function.get("arguments") if function else custom.get("input")
    if "function" not in wire and "custom" not in wire:
        doubts.note()
        return ToolCall(id=text_of(wire.get("id")), name=name_of(wire.get("type")), arguments=_rest_of(wire))
    name = function.get("name") if function else custom.get("name")
    return ToolCall(id=text_of(wire.get("id")), name=text_of(name), arguments=text_of(asked))


def reference_to(url: str) -> str:
    """Return where a medium is; of one that is inline, its hash."""
    if url.startswith("data:"):
        return f"sha256:{hashlib.sha256(url.encode()).hexdigest()}"
    return url[:_MAX_REFERENCE]


def _role(value: object, doubts: Doubts) -> Role:
    role = _ROLES.get(value) if isinstance(value, str) else None
    if role is None:
        doubts.note()
        return "other"
    return role


def _part(part: object, doubts: Doubts) -> ContentPart:
    if isinstance(part, str):
        return ContentPart(type="text", text=part)
    wire = mapping(part)
    kind = wire.get("type")
    kind = kind if isinstance(kind, str) else ""
    text = text_of(wire.get("text"))
    if kind in _TEXTS or (not kind and text):
        return ContentPart(type="text", text=text)
    if kind == "refusal":
        return ContentPart(type="refusal", text=text_of(wire.get("refusal")) or text)
    known = _MEDIA.get(kind)
    if known == "image_url":
        return ContentPart(type="image_url", text=text, reference=reference_to(_url(wire.get("image_url"))))
    if known == "input_audio":
        return ContentPart(type="input_audio", text=text)
    if known is None:
        doubts.note()
    return ContentPart(type="file", text=text, reference=kind[:_MAX_REFERENCE] if known is None else "")


def _url(image: object) -> str:
    return image if isinstance(image, str) else text_of(mapping(image).get("url"))


def _thought(part: dict[str, Any]) -> str:
    inner = part.get("thinking") or part.get("text")
    return "".join(text_of(mapping(one).get("text")) for one in inner) if isinstance(inner, list) else text_of(inner)


def _rest_of(wire: dict[str, Any]) -> str:
    rest = {name: value for name, value in wire.items() if name not in ("id", "type", "index")}
    return json_text(rest) if rest else ""
