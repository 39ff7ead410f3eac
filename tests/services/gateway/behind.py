"""A gateway before a canned upstream: what was asked, what came out, what was recorded."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import httpx

from schemas.inference import InferenceRequested, InferenceResponded
from schemas.record import Record
from tests.services.gateway.canned import Canned, Sent

ASKED: dict[str, Any] = {"model": "prompt-guard", "messages": [{"role": "user", "content": "Hello"}]}


def answer(**fields: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 12, "completion_tokens": 2, "total_tokens": 14}
    return {
        "id": "up-1",
        "object": "chat.completion",
        "model": "echo-base",
        "choices": [choice],
        "usage": usage,
    } | fields


def says(**message: Any) -> dict[str, Any]:
    return answer(choices=[{"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}])


class HasEvents(Protocol):
    """A running gateway."""

    @property
    def url(self) -> str: ...

    def events(self) -> list[Record]:
        """Everything on its spool."""
        ...


@dataclass(frozen=True)
class Behind:
    """A gateway, the canned upstream behind it, and a way to ask."""

    gateway: HasEvents
    upstream: Canned

    def post(self, body: dict[str, Any] | bytes, path: str = "/v1/chat/completions", **headers: str) -> httpx.Response:
        """Ask; `headers` with underscores for hyphens."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.post(
            self.gateway.url + path, content=content, headers={"content-type": "application/json"} | named
        )

    @property
    def sent(self) -> Sent:
        """The last request that the upstream got."""
        return self.upstream.sent[-1]

    def told(self) -> tuple[InferenceRequested, InferenceResponded]:
        """The events of the only call."""
        asked, answered = self.gateway.events()
        assert isinstance(asked, InferenceRequested)
        assert isinstance(answered, InferenceResponded)
        return asked, answered

    def metric(self, name: str) -> float:
        """The sum of a metric's series."""
        lines = httpx.get(f"{self.gateway.url}/metrics").text.splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if re.match(name + r"[{ ]", line))


Before = Callable[..., Behind]
