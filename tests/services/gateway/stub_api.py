"""An upstream with OpenAI's recorded surfaces, for clients that read answers strictly, and a gateway before it.

The last text of a call steers it: `status:429` is refused so, `html` is a 502 of a proxy on the way, `held`
streams until its client leaves. Tools are called once, a wished form is kept to, all else is `Fine weather today`.
"""

import asyncio
import base64
import json
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from schemas.codec import decode
from schemas.configuration import App, Configuration, Price
from schemas.inference import InferenceRequested, InferenceResponded
from schemas.record import Record
from services.gateway.application import Gateway, Limits, application_of
from services.gateway.upstreams.sending import Patience
from services.parts.spool.entries import entry_in, payloads_in
from tests.fixtures.http import Served
from tests.fixtures.waiting import PATIENCE_S, until
from tests.services.gateway.conftest import APP, AWAY, settings_for

BASE = "stub-base"
TEXT = "Fine weather today"
FORMED = '{"city": "Paris", "degrees": 21}'
TOOL = {"name": "weather", "arguments": '{"city": "Paris"}'}
USAGE = {
    "prompt_tokens": 12,
    "completion_tokens": 7,
    "total_tokens": 19,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 3},
}
ITEM_USAGE = {
    "input_tokens": 12,
    "input_tokens_details": {"cached_tokens": 4},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 3},
    "total_tokens": 19,
}
VECTOR = (0.25, -0.5)
Body = dict[str, Any]


class StubApi:
    """The upstream. `abandoned` counts streams whose client left."""

    def __init__(self) -> None:
        self.abandoned = 0
        answers: dict[str, Callable[[Body], Response]] = {
            "chat/completions": self._chat,
            "completions": _completion,
            "embeddings": _embeddings,
            "responses": _response,
        }
        azure = f"/openai/deployments/{BASE}"
        self.application = Starlette(
            routes=[
                Route(f"{root}/{path}", _endpoint(answer), methods=["POST"])
                for root in ("/v1", azure)
                for path, answer in answers.items()
            ]
        )

    def _chat(self, body: Body) -> Response:
        message, reason = _message(body)
        if not body.get("stream"):
            choice = {
                "index": 0,
                "message": {"role": "assistant", **message},
                "finish_reason": reason,
                "logprobs": None,
            }
            return JSONResponse(
                _head("chat.completion", choices=[choice], usage=USAGE), headers={"x-request-id": "req-1"}
            )
        held = _last_text(body) == "held"
        return StreamingResponse(self._chunks(message, reason, held=held), media_type="text/event-stream")

    async def _chunks(self, message: Body, reason: str, *, held: bool) -> AsyncIterator[bytes]:
        try:
            for delta in _deltas(message):
                yield _chunk([{"index": 0, "delta": delta, "finish_reason": None}])
                while held and delta.get("content"):
                    await asyncio.sleep(0.01)
                    yield _chunk([{"index": 0, "delta": {"content": "."}, "finish_reason": None}])
            yield _chunk([{"index": 0, "delta": {}, "finish_reason": reason}])
            yield _chunk([], usage=USAGE) + b"data: [DONE]\n\n"
        except asyncio.CancelledError:
            self.abandoned += 1
            raise


def _endpoint(answer: Callable[[Body], Response]) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        body = await request.json()
        text = _last_text(body)
        if text == "html":
            return HTMLResponse("<html>Bad Gateway</html>", 502)
        if not text.startswith("status:"):
            return answer(body)
        said = {"message": "as ordered", "type": "ordered_error", "param": None, "code": "ordered"}
        headers = {"retry-after": "7", "x-ratelimit-remaining-requests": "0", "x-request-id": "req-2"}
        return JSONResponse({"error": said}, int(text.removeprefix("status:")), headers)

    return endpoint


def _last_text(body: Body) -> str:
    told = body.get("messages") or body.get("input") or body.get("prompt") or ""
    last = told[-1] if isinstance(told, list) else told
    last = last.get("content") if isinstance(last, dict) else last
    return str(last[0].get("text") if isinstance(last, list) else last)


def _head(kind: str, **fields: Any) -> Body:
    return {"id": "up-1", "object": kind, "created": 1_760_000_000, "model": BASE, **fields}


def _message(body: Body) -> tuple[Body, str]:
    if body.get("response_format"):
        return {"content": FORMED, "refusal": None}, "stop"
    if body.get("tools") and body["messages"][-1]["role"] != "tool":
        return {"content": None, "tool_calls": [{"id": "call_1", "type": "function", "function": TOOL}]}, "tool_calls"
    return {"content": TEXT, "refusal": None}, "stop"


def _deltas(message: Body) -> Iterator[Body]:
    if text := message["content"]:
        yield {"role": "assistant", "content": ""}
        yield from ({"content": text[at : at + 6]} for at in range(0, len(text), 6))
        return
    call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": TOOL["name"], "arguments": ""}}
    yield {"role": "assistant", "content": None, "tool_calls": [call]}
    written = TOOL["arguments"]
    for piece in (written[:5], written[5:]):
        yield {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}


def _chunk(choices: list[Body], **fields: Any) -> bytes:
    return b"data: " + json.dumps(_head("chat.completion.chunk", choices=choices, **fields)).encode() + b"\n\n"


def _completion(body: Body) -> Response:
    choice = {"index": 0, "text": TEXT, "finish_reason": "stop", "logprobs": None}
    return JSONResponse(_head("text_completion", choices=[choice], usage=USAGE))


def _embeddings(body: Body) -> Response:
    packed = base64.b64encode(struct.pack("<2f", *VECTOR)).decode()
    vector = packed if body.get("encoding_format") == "base64" else list(VECTOR)
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    data = [{"object": "embedding", "index": index, "embedding": vector} for index, _ in enumerate(texts)]
    usage = {"prompt_tokens": 5, "total_tokens": 5}
    return JSONResponse({"object": "list", "data": data, "model": BASE, "usage": usage})


def _response(body: Body) -> Response:
    part = {"type": "output_text", "text": TEXT, "annotations": []}
    item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}
    whole = {
        "id": "resp_up",
        "object": "response",
        "created_at": 1_760_000_000,
        "status": "completed",
        "model": BASE,
        "output": [item],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": ITEM_USAGE,
    }
    if not body.get("stream"):
        return JSONResponse(whole)
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    empty_item, empty_part = {**item, "status": "in_progress", "content": []}, {**part, "text": ""}
    events: list[Body] = [
        {"type": "response.created", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": empty_item},
        {"type": "response.content_part.added", **place, "part": empty_part},
        *(
            {"type": "response.output_text.delta", **place, "delta": TEXT[at : at + 6], "logprobs": []}
            for at in (0, 6, 12)
        ),
        {"type": "response.output_text.done", **place, "text": TEXT, "logprobs": []},
        {"type": "response.content_part.done", **place, "part": part},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": whole},
    ]
    told = [
        f"event: {event['type']}\ndata: {json.dumps(event | {'sequence_number': n})}\n\n"
        for n, event in enumerate(events)
    ]
    return Response("".join(told), media_type="text/event-stream")


@dataclass(frozen=True)
class Fronted:
    """A gateway, what stands behind it, and its record.

    Attributes:
        straight: The upstream's own address.
    """

    url: str
    straight: str
    upstream: StubApi
    data: Path

    def events(self) -> list[Record]:
        """Everything on the spool, oldest first."""
        segments = sorted((self.data / "gateway" / "spool").glob("*.segment"))
        entries = [entry_in(payload) for path in segments for payload, _ in payloads_in(path.read_bytes())]
        return [decode(entry.topic, entry.value, datetime.now(UTC)) for entry in entries]

    def calls(self, session: str) -> list[tuple[InferenceRequested, InferenceResponded]]:
        """Return the answered calls of a session."""
        events = self.events()
        asked = {e.request_id: e for e in events if isinstance(e, InferenceRequested) and e.session_id == session}
        return [(asked[e.request_id], e) for e in events if isinstance(e, InferenceResponded) and e.request_id in asked]

    def only_call(self, session: str) -> tuple[InferenceRequested, InferenceResponded]:
        """Return the one call of a session, once it has ended."""
        (found,) = until(lambda: self.calls(session))
        return found


@contextmanager
def fronted(data: Path) -> Iterator[Fronted]:
    """Run the upstream and a gateway before it. Its broker is away, so its spool keeps every event."""
    upstream = StubApi()
    with Served(upstream.application) as behind:
        app = App(
            name=APP, base_model=BASE, upstreams=(behind.url,), price=Price(input=1, output=2), identities="as-sent"
        )
        limits = Limits(Patience(PATIENCE_S, PATIENCE_S), 16 << 20, routes_wait_s=0)
        gateway = Gateway(settings_for(data), Configuration(apps=(app,)), edges=AWAY, limits=limits, environment={})
        with Served(application_of(gateway)) as served:
            yield Fronted(served.url, behind.url, upstream, data)
