"""Answers in OpenAI's shapes: whole completions, chunks of a stream, lists of models. Pure."""

from dataclasses import dataclass

import msgspec

Json = dict[str, object]
DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True)
class Heading:
    """What every part of one answer carries."""

    id: str
    created: int
    model: str


def usage(prompt: int, completion: int) -> Json:
    """Return the token counts of a call."""
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def completion(heading: Heading, text: str, *, reason: str, tokens: Json) -> Json:
    """Return a whole answer."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text},
        "logprobs": None,
        "finish_reason": reason,
    }
    return {**_head(heading, "chat.completion"), "choices": [choice], "usage": tokens}


def opening(heading: Heading) -> bytes:
    """Return the first event of a stream: the role."""
    return _event(heading, {"role": "assistant", "content": ""}, None)


def piece(heading: Heading, text: str) -> bytes:
    """Return an event with more text."""
    return _event(heading, {"content": text}, None)


def closing(heading: Heading, reason: str) -> bytes:
    """Return the event that says why the text ends."""
    return _event(heading, {}, reason)


def reckoning(heading: Heading, tokens: Json) -> bytes:
    """Return the event with the usage of the whole call, which has no choices."""
    return _framed({**_head(heading, "chat.completion.chunk"), "choices": [], "usage": tokens})


def mishap(error: Json) -> bytes:
    """Return the event of a stream that failed after it began."""
    return _framed(error)


def model_list(base: str, root: str, adapters: dict[str, str], created: int) -> Json:
    """Return vLLM's list of models: the base, then adapters with their folder and the base as parent."""
    shared = {"object": "model", "created": created, "owned_by": "driftloop"}
    listed: list[Json] = [{"id": base, **shared, "root": root, "parent": None}]
    listed += [{"id": name, **shared, "root": folder, "parent": base} for name, folder in adapters.items()]
    return {"object": "list", "data": listed}


def _head(heading: Heading, kind: str) -> Json:
    return {"id": heading.id, "object": kind, "created": heading.created, "model": heading.model}


def _event(heading: Heading, delta: Json, reason: str | None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
    return _framed({**_head(heading, "chat.completion.chunk"), "choices": [choice]})


def _framed(value: Json) -> bytes:
    return b"data: " + msgspec.json.encode(value) + b"\n\n"
