"""Messages in span attributes, in each of the forms that instrumentations write. Pure.

Structured: `gen_ai.input.messages`, `gen_ai.output.messages`, `gen_ai.system_instructions`
(OpenTelemetry GenAI). Indexed: `gen_ai.prompt.N.*`, `gen_ai.completion.N.*` (OpenLLMetry, older
OpenTelemetry) and `llm.input_messages.N.message.*` (OpenInference). Plain: `input.value`.
"""

import re
from collections.abc import Mapping, Sequence

import msgspec

from schemas.inference import ContentPart, Message, Role, ToolCall
from services.collector.spans import Attribute
from services.collector.verdicts import Rejected

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "ai": "assistant",
    "model": "assistant",
    "tool": "tool",
}
_INPUT_PREFIXES = (r"gen_ai\.prompt\.(\d+)\.", r"llm\.input_messages\.(\d+)\.message\.")
_OUTPUT_PREFIXES = (r"gen_ai\.completion\.(\d+)\.", r"llm\.output_messages\.(\d+)\.message\.")
_JSON = msgspec.json.Decoder(list[object])


def input_messages(attributes: Mapping[str, Attribute]) -> tuple[Message, ...]:
    """Return what the model was asked; empty when the instrumentation records no content.

    Raises:
        Rejected: An attribute that should hold JSON holds something else.
    """
    system = _instructions(attributes)
    found = _structured(attributes, "gen_ai.input.messages") or _indexed(attributes, _INPUT_PREFIXES)
    if not found and (text := attributes.get("input.value")):
        found = (Message(role="user", content=str(text)),)
    return (*system, *found)


def output_message(attributes: Mapping[str, Attribute]) -> Message | None:
    """Return what the model said, first choice only. Raises as `input_messages`."""
    found = _structured(attributes, "gen_ai.output.messages") or _indexed(attributes, _OUTPUT_PREFIXES)
    if not found and (text := attributes.get("output.value")):
        found = (Message(role="assistant", content=str(text)),)
    return msgspec.structs.replace(found[0], role="assistant") if found else None


def finish_reason(attributes: Mapping[str, Attribute]) -> str:
    """Return why the model stopped; empty when nobody says."""
    reasons = attributes.get("gen_ai.response.finish_reasons")
    if isinstance(reasons, list) and reasons:
        return str(reasons[0])
    for item in _list(attributes, "gen_ai.output.messages"):
        if isinstance(item, dict) and item.get("finish_reason"):
            return str(item["finish_reason"])
    return str(attributes.get("gen_ai.completion.0.finish_reason") or "")


def _instructions(attributes: Mapping[str, Attribute]) -> tuple[Message, ...]:
    parts = [part for part in _list(attributes, "gen_ai.system_instructions") if isinstance(part, dict)]
    text = "\n".join(str(part.get("content") or "") for part in parts)
    return (Message(role="system", content=text),) if text else ()


def _structured(attributes: Mapping[str, Attribute], name: str) -> tuple[Message, ...]:
    return tuple(_message(item) for item in _list(attributes, name) if isinstance(item, dict))


def _list(attributes: Mapping[str, Attribute], name: str) -> Sequence[object]:
    value = attributes.get(name)
    if isinstance(value, list):
        return value
    if not isinstance(value, str) or not value:
        return ()
    try:
        return _JSON.decode(value)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Rejected(f"{name} is not a JSON array") from error


def _message(item: Mapping[str, object]) -> Message:
    parts = item.get("parts")
    if not isinstance(parts, list):
        return Message(role=_role(item.get("role")), content=str(item.get("content") or ""))
    kept = [part for part in parts if isinstance(part, dict)]
    calls = tuple(_tool_call(part) for part in kept if part.get("type") == "tool_call")
    content = tuple(found for part in kept if (found := _content(part)) is not None)
    texts = [part.text for part in content]
    answered = next((str(part.get("id") or "") for part in kept if part.get("type") == "tool_call_response"), "")
    return Message(
        role=_role(item.get("role")),
        content="\n".join(texts) if all(part.type == "text" for part in content) else content,
        tool_calls=calls,
        tool_call_id=answered,
    )


def _content(part: Mapping[str, object]) -> ContentPart | None:
    match part.get("type"):
        case "text":
            return ContentPart(type="text", text=str(part.get("content") or ""))
        case "tool_call_response":
            return ContentPart(type="text", text=_text(part.get("response", part.get("result"))))
        case "tool_call" | "reasoning":
            return None
        case _:
            return ContentPart(type="file", reference=str(part.get("uri") or part.get("file_id") or "")[:2048])


def _tool_call(part: Mapping[str, object]) -> ToolCall:
    return ToolCall(
        id=str(part.get("id") or ""), name=str(part.get("name") or ""), arguments=_text(part.get("arguments"))
    )


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else msgspec.json.encode(value).decode()


def _indexed(attributes: Mapping[str, Attribute], prefixes: Sequence[str]) -> tuple[Message, ...]:
    found: dict[int, dict[str, object]] = {}
    for name, value in attributes.items():
        for prefix in prefixes:
            if match := re.match(prefix + r"(role|content)$", name):
                found.setdefault(int(match[1]), {})[match[2]] = value
    return tuple(_message(found[index]) for index in sorted(found))


def _role(value: object) -> Role:
    return _ROLES.get(str(value or "").lower(), "user")
