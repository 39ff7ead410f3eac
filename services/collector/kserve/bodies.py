"""What KServe's runtimes are asked and answer: OpenAI's bodies, streamed ones too, and V1's and V2's predictions. Pure.

V1: `instances`, `predictions`. V2 (Open Inference Protocol): `inputs`, `outputs`, texts in tensors of BYTES.
Total: what is of another shape tells nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from schemas.inference import Message, Sampling, Usage
from services.collector.conventions.attributes import as_text, number, whole
from services.collector.conventions.messages import message_of

_TEXTS = ("text", "prompt", "content", "input", "data", "generated_text", "output", "label")
_BYTES = "BYTES"
Json = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request tells; `model` and `user` are empty where it names none."""

    model: str = ""
    messages: tuple[Message, ...] = ()
    user: str = ""
    sampling: Sampling = field(default_factory=Sampling)


@dataclass(frozen=True, slots=True)
class Answered:
    """What an answer tells; `output` is None for an error and where there is none."""

    model: str = ""
    answer_id: str = ""
    output: Message | None = None
    finish_reason: str = ""
    usage: Usage = field(default_factory=Usage)
    error_type: str = ""


def asked_in(body: object) -> Asked:
    """Return what a request's body tells."""
    if not isinstance(body, dict):
        return Asked()
    return Asked(
        model=_text(body, "model"),
        messages=tuple(_messages(body)),
        user=_text(body, "user"),
        sampling=Sampling(
            max_tokens=whole(body.get("max_completion_tokens", body.get("max_tokens"))),
            temperature=number(body.get("temperature")),
            top_p=number(body.get("top_p")),
            seed=whole(body.get("seed")),
            stream=body.get("stream") is True,
        ),
    )


def answered_in(body: object) -> Answered:
    """Return what an answer's body tells; a text is a stream of events."""
    whole_body = _streamed(body) if isinstance(body, str) else body
    if not isinstance(whole_body, dict):
        return Answered()
    choice = _first_object(whole_body.get("choices"))
    error = whole_body.get("error")
    return Answered(
        model=_text(whole_body, "model") or _text(whole_body, "model_name"),
        answer_id=_text(whole_body, "id"),
        output=None if error else _output(whole_body, choice),
        finish_reason=_text(choice, "finish_reason"),
        usage=_usage(whole_body.get("usage")),
        error_type=(_text(error, "type") or "error") if error else "",
    )


def _messages(body: Json) -> list[Message]:
    listed = body.get("messages")
    if isinstance(listed, list):
        return [message_of(item) for item in listed if isinstance(item, dict)]
    asked = body.get("prompt", body.get("instances"))
    texts = _texts(asked) if asked is not None else _tensors(body.get("inputs"))
    return [Message(role="user", content=text) for text in texts]


def _output(body: Json, choice: Json) -> Message | None:
    message = choice.get("message")
    if isinstance(message, dict):
        return msgspec.structs.replace(message_of(message), role="assistant")
    told = choice.get("text")
    if isinstance(told, str):
        return Message(role="assistant", content=told)
    predicted, tensors = body.get("predictions"), body.get("outputs")
    texts = _texts(predicted) if predicted is not None else _tensors(tensors)
    rest = predicted if predicted is not None else tensors
    if not texts:
        return None if rest is None else Message(role="assistant", content=as_text(rest))
    return Message(role="assistant", content="\n".join(texts))


def _texts(value: object) -> list[str]:
    """Return the texts of instances or predictions: texts themselves, or objects with one."""
    found = []
    for item in value if isinstance(value, list) else [value]:
        told = next((item[name] for name in _TEXTS if name in item), None) if isinstance(item, dict) else item
        found += [told] if isinstance(told, str) else []
    return found


def _tensors(value: object) -> list[str]:
    tensors = [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
    data = [tensor.get("data") for tensor in tensors if tensor.get("datatype") == _BYTES]
    return [text for values in data if isinstance(values, list) for text in values if isinstance(text, str)]


def _usage(value: object) -> Usage:
    told: Json = value if isinstance(value, dict) else {}
    return Usage(
        input_tokens=_count(told, "prompt_tokens"),
        output_tokens=_count(told, "completion_tokens"),
        cached_tokens=_count(told.get("prompt_tokens_details"), "cached_tokens"),
        reasoning_tokens=_count(told.get("completion_tokens_details"), "reasoning_tokens"),
    )


def _streamed(text: str) -> dict[str, object]:
    """Return the whole answer that a stream of chunks adds up to, of several choices the first."""
    chunks = [chunk for line in text.splitlines() if (chunk := _chunk(line)) is not None]
    whole_body: dict[str, object] = {}
    said, reason = "", ""
    calls: dict[object, dict[str, str]] = {}
    for chunk in chunks:
        whole_body |= {name: value for name, value in chunk.items() if name != "choices" and value is not None}
        choice = _first_object(chunk.get("choices"))
        delta = choice.get("delta")
        part: Json = delta if isinstance(delta, dict) else choice
        said += _text(part, "content") or _text(part, "text")
        reason = _text(choice, "finish_reason") or reason
        _add_calls(calls, part.get("tool_calls"))
    message = {"content": said, "tool_calls": list(calls.values())}
    return {**whole_body, **({"choices": [{"message": message, "finish_reason": reason}]} if chunks else {})}


def _chunk(line: str) -> dict[str, object] | None:
    if not line.startswith("data:"):
        return None
    try:
        found = msgspec.json.decode(line.removeprefix("data:"))
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return None
    return found if isinstance(found, dict) else None


def _add_calls(calls: dict[object, dict[str, str]], told: object) -> None:
    for item in told if isinstance(told, list) else []:
        if isinstance(item, dict) and isinstance(index := item.get("index", 0), int):
            call = calls.setdefault(index, {"id": "", "name": "", "arguments": ""})
            call["id"] = _text(item, "id") or call["id"]
            call["name"] += _text(item.get("function"), "name")
            call["arguments"] += _text(item.get("function"), "arguments")


def _first_object(value: object) -> Json:
    first = value[0] if isinstance(value, list) and value else None
    return first if isinstance(first, dict) else {}


def _text(holder: object, name: str) -> str:
    value = holder.get(name) if isinstance(holder, dict) else None
    return value if isinstance(value, str) else ""


def _count(holder: object, name: str) -> int:
    return max(0, whole(holder.get(name)) or 0) if isinstance(holder, dict) else 0
