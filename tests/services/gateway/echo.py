"""A small OpenAI-compatible upstream that answers with what it was told.

The last user message steers it: `status:503` answers so, `sleep:2` waits first, `garbage` is no
completion, `hang-up` breaks a stream off, `held` holds it behind each word until `released`. Anything
else is echoed, word by word when streamed.
"""

import asyncio
import json
import os
import threading
from collections.abc import AsyncIterator, Iterable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

BASE_MODEL = "echo-base"
USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10, "prompt_tokens_details": {"cached_tokens": 2}}


class Echo:
    """The upstream and what it has seen. `models` are the names it answers to."""

    def __init__(self, models: Iterable[str] = (BASE_MODEL,)) -> None:
        self.models = set(models)
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.abandoned = 0
        self.slow_models: dict[str, float] = {}
        self.released = threading.Event()
        self.application = Starlette(routes=[Route("/v1/chat/completions", self._chat, methods=["POST"])])

    async def _chat(self, request: Request) -> Response:
        body = await request.json()
        self.bodies.append(body)
        self.headers.append(dict(request.headers))
        if body["model"] not in self.models:
            return JSONResponse({"error": {"message": "no such model", "type": "NotFoundError"}}, 404)
        await self._sleep(request, self.slow_models.get(body["model"], 0))
        order = str(body["messages"][-1]["content"])
        if order.startswith("sleep:"):
            await self._sleep(request, float(order[6:]))
        if order.startswith("status:"):
            return JSONResponse({"error": {"message": "as ordered", "type": "test"}}, int(order[7:]))
        if order == "garbage":
            return PlainTextResponse("<html>")
        if body.get("stream"):
            return StreamingResponse(self._stream(body, order), media_type="text/event-stream")
        return JSONResponse(_completion(order))

    async def _sleep(self, request: Request, seconds: float) -> None:
        for _ in range(round(seconds / 0.05)):
            await asyncio.sleep(0.05)
            if await request.is_disconnected():
                self.abandoned += 1
                return

    async def _stream(self, body: dict[str, Any], order: str) -> AsyncIterator[bytes]:
        try:
            yield _event({"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]})
            for word in order.split():
                await asyncio.sleep(0.05 if order.startswith(("slowly", "held")) else 0)
                yield _event({"choices": [{"index": 0, "delta": {"content": word + " "}}]})
                while order.startswith("held") and not self.released.is_set():
                    await asyncio.sleep(0.01)
            if order.startswith("hang-up"):
                return
            yield _event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
            if body.get("stream_options", {}).get("include_usage"):
                yield _event({"choices": [], "usage": USAGE})
            yield b"data: [DONE]\n\n"
        except asyncio.CancelledError:
            self.abandoned += 1
            raise


def _event(chunk: dict[str, Any]) -> bytes:
    return (
        b"data: "
        + json.dumps({"id": "up-1", "object": "chat.completion.chunk", "model": "up", **chunk}).encode()
        + b"\n\n"
    )


def _completion(text: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    return {
        "id": f"up-{os.getpid()}",
        "object": "chat.completion",
        "model": "up",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": USAGE,
    }
