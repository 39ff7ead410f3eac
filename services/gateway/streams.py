"""An answer passed on while it is being written, and heard along the way."""

import time
from collections.abc import Callable, Mapping

import aiohttp
import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from schemas.learning import Route
from services.gateway.answers import Answer, BadAnswer, EventSplitter, Transcript, readdressed
from services.gateway.departure import Departure
from services.gateway.events import Call, Outcome
from services.parts.ingress.errors import Refusal, error_body

Ended = Callable[[Outcome], None]


class StreamedAnswer(Response):
    """Server-sent events from an upstream's response to a client.

    `ended` is called exactly once, before the client sees the stream's end: with the answer, with
    what had been said when the upstream broke off, or when the client left.
    """

    def __init__(
        self, upstream: aiohttp.ClientResponse, call: Call, route: Route, *, ended: Ended, headers: Mapping[str, str]
    ) -> None:
        self.status_code, self.media_type, self.background = 200, "text/event-stream", None
        self.init_headers({"cache-control": "no-cache", **headers})
        self._upstream, self._call, self._route, self._ended = upstream, call, route, ended
        self._transcript, self._splitter = Transcript(), EventSplitter()
        self._ttft_ms: float | None = None
        self._open = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the stream on until it ends or the client leaves."""
        try:
            with Departure(receive, after_s=0) as departure:
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                await self._pass_on(send)
            if departure.left:
                self._end(finish_reason="client_disconnected")
        finally:
            self._end(error_type="gateway_stopped")
            self._upstream.release()

    async def _pass_on(self, send: Send) -> None:
        last = b""
        try:
            async for chunk in self._upstream.content.iter_any():
                if out := b"".join(self._heard(data) for data in self._splitter.feed(chunk)):
                    if self._transcript.done:
                        self._end()
                    await send({"type": "http.response.body", "body": out, "more_body": True})
            if not self._transcript.done:
                last = self._broken("upstream_interrupted", "the upstream broke off its answer")
        except TimeoutError:
            last = self._broken("timeout", "the upstream fell silent")
        except aiohttp.ClientError:
            last = self._broken("upstream_interrupted", "the upstream broke off its answer")
        except BadAnswer:
            last = self._broken("invalid_response", "the upstream sent something else than chunks")
        await send({"type": "http.response.body", "body": last, "more_body": False})

    def _heard(self, data: bytes) -> bytes:
        only_usage = self._transcript.hear(data)
        if self._transcript.spoke and self._ttft_ms is None:
            self._ttft_ms = self._since_receipt_ms()
        if self._transcript.done:
            return b"data: [DONE]\n\n"
        if only_usage and not self._call.chat.wants_usage:
            return b""
        return b"data: " + readdressed(data, self._call.request_id, self._call.app.name) + b"\n\n"

    def _broken(self, error_type: str, message: str) -> bytes:
        self._end(error_type=error_type)
        return b"data: " + msgspec.json.encode(error_body(Refusal(502, message, kind="upstream_error"))) + b"\n\n"

    def _end(self, *, error_type: str = "", finish_reason: str = "") -> None:
        if not self._open:
            return
        self._open = False
        said = self._transcript.answer()
        answer = Answer(said.output, finish_reason or said.finish_reason, said.usage)
        self._ended(Outcome(self._route, answer, self._since_receipt_ms(), self._ttft_ms, error_type))

    def _since_receipt_ms(self) -> float:
        return (time.perf_counter() - self._call.started) * 1000
