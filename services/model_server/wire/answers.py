"""Answers in OpenAI's shapes: whole ones, chunks of a stream, lists of models. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from services.model_server.jobs import Likelihood
from services.models.tools import Called

Json = dict[str, object]
DONE = b"data: [DONE]\n\n"
_ROLE: Json = {"role": "assistant", "content": ""}


@dataclass(frozen=True, slots=True)
class Heading:
    """What every part of one answer carries."""

    id: str
    created: int
    model: str


@dataclass(slots=True)
class Answer:
    """One of a call's answers as far as it is known.

    Attributes:
        reason: Why it ended; empty before.
        tokens: Tokens written, the end mark included.
        calls: Tools that it calls.
        likelihoods: Of the shown tokens, where they are asked for.
    """

    text: str = ""
    reason: str = ""
    tokens: int = 0
    calls: tuple[Called, ...] = ()
    likelihoods: list[Likelihood] = field(default_factory=list)


class Shape(Protocol):
    """How answers of one kind of call are written. `index` is which of the call's answers is meant."""

    def opening(self, index: int) -> bytes:
        """Return the events that begin an answer; may be empty."""
        ...

    def piece(self, index: int, text: str, likelihoods: Sequence[Likelihood]) -> bytes:
        """Return an event with more text."""
        ...

    def calling(self, index: int, calls: Sequence[Called]) -> bytes:
        """Return an event with the tools that are called."""
        ...

    def closing(self, index: int, reason: str) -> bytes:
        """Return the event that says why an answer ends."""
        ...

    def reckoning(self, tokens: Json) -> bytes:
        """Return the event with the usage of the whole call, which has no choices."""
        ...

    def whole(self, answers: Sequence[Answer], tokens: Json) -> Json:
        """Return the complete answer."""
        ...


class ChatShape:
    """Chat completions."""

    def __init__(self, heading: Heading, *, likelihoods: bool) -> None:
        self._heading, self._likelihoods = heading, likelihoods

    def opening(self, index: int) -> bytes:
        """Return the event with the role."""
        return self._event(index, _ROLE)

    def piece(self, index: int, text: str, likelihoods: Sequence[Likelihood]) -> bytes:
        """Return an event with more text."""
        return self._event(index, {"content": text}, likelihoods)

    def calling(self, index: int, calls: Sequence[Called]) -> bytes:
        """Return an event with the tools that are called, each whole."""
        listed = [{"index": at, **call} for at, call in enumerate(self._calls(index, calls))]
        return self._event(index, {"tool_calls": listed})

    def closing(self, index: int, reason: str) -> bytes:
        """Return the event that says why an answer ends."""
        return self._event(index, {}, reason=reason)

    def reckoning(self, tokens: Json) -> bytes:
        """Return the event with the usage."""
        return _framed({**_head(self._heading, "chat.completion.chunk"), "choices": [], "usage": tokens})

    def whole(self, answers: Sequence[Answer], tokens: Json) -> Json:
        """Return the complete answer."""
        choices = [self._choice(index, answer) for index, answer in enumerate(answers)]
        return {**_head(self._heading, "chat.completion"), "choices": choices, "usage": tokens}

    def _choice(self, index: int, answer: Answer) -> Json:
        message: Json = {"role": "assistant", "content": answer.text}
        if answer.calls:
            message = {**message, "content": answer.text or None, "tool_calls": self._calls(index, answer.calls)}
        return {
            "index": index,
            "message": message,
            "logprobs": self._told(answer.likelihoods),
            "finish_reason": answer.reason,
        }

    def _event(
        self, index: int, delta: Json, likelihoods: Sequence[Likelihood] = (), reason: str | None = None
    ) -> bytes:
        told = self._told(likelihoods) if likelihoods else None
        choice = {"index": index, "delta": delta, "logprobs": told, "finish_reason": reason}
        return _framed({**_head(self._heading, "chat.completion.chunk"), "choices": [choice]})

    def _calls(self, index: int, calls: Sequence[Called]) -> list[Json]:
        stem = self._heading.id.removeprefix("chatcmpl-")
        return [
            {
                "id": f"call_{stem}{index}{at}",
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for at, call in enumerate(calls)
        ]

    def _told(self, likelihoods: Sequence[Likelihood]) -> Json | None:
        if not self._likelihoods:
            return None
        content = [
            {**_token(its), "top_logprobs": [_token(other) for other in its.alternatives]} for its in likelihoods
        ]
        return {"content": content, "refusal": None}


class TextShape:
    """Completions of the older kind."""

    def __init__(self, heading: Heading, *, likelihoods: bool) -> None:
        self._heading, self._likelihoods = heading, likelihoods
        self._offsets: dict[int, int] = {}

    def opening(self, index: int) -> bytes:
        """Return nothing: there is no role to tell."""
        return b""

    def piece(self, index: int, text: str, likelihoods: Sequence[Likelihood]) -> bytes:
        """Return an event with more text."""
        offset = self._offsets.get(index, 0)
        self._offsets[index] = offset + sum(len(_spelled(its)) for its in likelihoods)
        return self._event(index, text, likelihoods, offset)

    def calling(self, index: int, calls: Sequence[Called]) -> bytes:
        """Return nothing: there are no tools."""
        return b""

    def closing(self, index: int, reason: str) -> bytes:
        """Return the event that says why an answer ends."""
        return self._event(index, "", reason=reason)

    def reckoning(self, tokens: Json) -> bytes:
        """Return the event with the usage."""
        return _framed({**_head(self._heading, "text_completion"), "choices": [], "usage": tokens})

    def whole(self, answers: Sequence[Answer], tokens: Json) -> Json:
        """Return the complete answer."""
        choices = [self._choice(index, its.text, its.likelihoods, 0, its.reason) for index, its in enumerate(answers)]
        return {**_head(self._heading, "text_completion"), "choices": choices, "usage": tokens}

    def _event(
        self,
        index: int,
        text: str,
        likelihoods: Sequence[Likelihood] = (),
        offset: int = 0,
        reason: str | None = None,
    ) -> bytes:
        choice = self._choice(index, text, likelihoods, offset, reason)
        return _framed({**_head(self._heading, "text_completion"), "choices": [choice]})

    def _choice(
        self, index: int, text: str, likelihoods: Sequence[Likelihood], offset: int, reason: str | None
    ) -> Json:
        told = self._told(likelihoods, offset) if self._likelihoods else None
        return {"index": index, "text": text, "logprobs": told, "finish_reason": reason}

    @staticmethod
    def _told(likelihoods: Sequence[Likelihood], offset: int) -> Json:
        lengths = [len(_spelled(its)) for its in likelihoods]
        return {
            "tokens": [_named(its) for its in likelihoods],
            "token_logprobs": [its.logprob for its in likelihoods],
            "top_logprobs": [{_named(other): other.logprob for other in its.alternatives} for its in likelihoods],
            "text_offset": [offset + sum(lengths[:at]) for at in range(len(lengths))],
        }


def usage(prompt: int, completion: int) -> Json:
    """Return the token counts of a call."""
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


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


def _spelled(its: Likelihood) -> str:
    return its.token.decode(errors="replace")


def _named(its: Likelihood) -> str:
    """Return a token as a key: parts of characters would all be the same one."""
    try:
        return its.token.decode()
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in its.token)


def _token(its: Likelihood) -> Json:
    return {"token": _spelled(its), "logprob": its.logprob, "bytes": list(its.token)}


def _framed(value: Json) -> bytes:
    return b"data: " + msgspec.json.encode(value) + b"\n\n"
