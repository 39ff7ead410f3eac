"""What the instrumented client calls: an upstream that answers by the last word that it is asked."""

import json
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 20,
    "total_tokens": 120,
    "prompt_tokens_details": {"cached_tokens": 40},
    "completion_tokens_details": {"reasoning_tokens": 5},
}
ARGUMENTS = '{"city": "Oslo"}'
_CALL = {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": ARGUMENTS}}
_HEAD = {"created": 1, "model": "base-2026"}


async def _chat(request: Request) -> Response:
    kind = (await request.json())["messages"][-1]["content"]
    if kind == "failed":
        return JSONResponse({"error": {"message": "slower", "type": "rate_limit", "code": None}}, 429)
    if kind == "streamed":
        return StreamingResponse(_chunks(), media_type="text/event-stream")
    said = {"content": None, "tool_calls": [_CALL]} if kind == "tool_call" else {"content": "It is safe."}
    choice = {
        "index": 0,
        "message": {"role": "assistant", **said},
        "finish_reason": "tool_calls" if kind == "tool_call" else "stop",
    }
    whole = {"id": f"chatcmpl-{kind}", "object": "chat.completion", **_HEAD, "choices": [choice], "usage": USAGE}
    return JSONResponse(whole)


async def _chunks() -> AsyncIterator[str]:
    head = {"id": "chatcmpl-streamed", "object": "chat.completion.chunk", **_HEAD}
    for delta, reason in (({"role": "assistant", "content": "It is "}, None), ({"content": "safe."}, "stop")):
        yield _event({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})
    yield _event({**head, "choices": [], "usage": USAGE})
    yield "data: [DONE]\n\n"


def _event(chunk: dict[str, object]) -> str:
    return f"data: {json.dumps(chunk)}\n\n"


UPSTREAM = Starlette(routes=[Route("/v1/chat/completions", _chat, methods=["POST"])])
