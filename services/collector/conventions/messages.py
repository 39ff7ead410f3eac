"""One message, as OpenTelemetry's JSON (`parts`), OpenAI's or Anthropic's (`content`) writes it. Pure."""

from collections.abc import Mapping, Sequence

import msgspec

from schemas.inference import ContentPart, Message, Role, ToolCall
from services.collector.conventions.attributes import as_text

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "ai": "assistant",
    "model": "assistant",
    "tool": "tool",
    "function": "tool",
}
_CALLS = ("tool_call", "tool_use", "function_call")
_RESULTS = ("tool_call_response", "tool_result")
_SILENT = (*_CALLS, "reasoning", "thinking", "redacted_thinking")
_REFERENCE_LENGTH = 2048

Item = Mapping[str, object]


def message_of(item: Item) -> Message:
    """Return a message. Reasoning is left out; what is no text is kept as a reference."""
    parts = _parts(item)
    content = tuple(_content(part) for part in parts if part.get("type") not in _SILENT)
    answered = next((part for part in parts if part.get("type") in _RESULTS), {})
    return Message(
        role=_role(item.get("role")),
        content="\n".join(part.text for part in content) if all(part.type == "text" for part in content) else content,
        tool_calls=tuple(_tool_call(call) for call in _calls(item, parts)),
        tool_call_id=as_text(item.get("tool_call_id") or answered.get("id") or answered.get("tool_use_id")),
    )


def text_message(role: Role, text: str) -> Message:
    """Return a message of text alone, or of the parts that a text turns out to be JSON of."""
    return msgspec.structs.replace(message_of({"content": text}), role=role)


def _parts(item: Item) -> list[Item]:
    value = item.get("parts")
    value = item.get("content") if value is None else value
    value = _written_out(value) if isinstance(value, str) else value
    if value is None:
        return []
    listed = value if isinstance(value, list) else [value]
    return [
        part if isinstance(part, dict) else {"type": "text", "content": part} for part in listed if part is not None
    ]


def _written_out(text: str) -> object:
    """Return the parts that OpenLLMetry writes into the content as JSON; any other text as it is."""
    if not text.startswith('[{"') or '"type"' not in text:
        return text
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text
    return found if all(isinstance(part, dict) and "type" in part for part in found) else text


def _content(part: Item) -> ContentPart:
    match part.get("type"):
        case "text" | "input_text" | "output_text" | None:
            return ContentPart(type="text", text=_first_text(part, ("content", "text")))
        case "refusal":
            return ContentPart(type="refusal", text=_first_text(part, ("refusal", "content")))
        case "tool_call_response" | "tool_result":
            return ContentPart(type="text", text=_first_text(part, ("response", "result", "content")))
        case "image_url" | "image" | "input_image":
            return ContentPart(type="image_url", reference=_reference(part))
        case "input_audio" | "audio":
            return ContentPart(type="input_audio", reference=_reference(part))
        case _:
            return ContentPart(type="file", reference=_reference(part))


def _first_text(part: Item, names: Sequence[str]) -> str:
    return next((as_text(part[name]) for name in names if part.get(name) is not None), "")


def _reference(part: Item) -> str:
    """Return where a part's content is; content that is written out is none."""
    image = part.get("image_url")
    places = (image.get("url") if isinstance(image, dict) else image, part.get("uri"), part.get("file_id"))
    place = next((place for place in places if isinstance(place, str) and place), "")
    return "" if place.startswith("data:") else place[:_REFERENCE_LENGTH]


def _calls(item: Item, parts: Sequence[Item]) -> list[Item]:
    told = item.get("tool_calls")
    beside = [call for call in told if isinstance(call, dict)] if isinstance(told, list) else []
    return [*(part for part in parts if part.get("type") in _CALLS), *beside]


def _tool_call(call: Item) -> ToolCall:
    function = call.get("function")
    named: Item = function if isinstance(function, dict) else call
    return ToolCall(
        id=as_text(call.get("id")),
        name=as_text(named.get("name")),
        arguments=_first_text(named, ("arguments", "input")),
    )


def _role(value: object) -> Role:
    return _ROLES.get(str(value or "").lower(), "user")
