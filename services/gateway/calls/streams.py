"""An answer passed on while it is being written, and heard along the way."""

import time
from collections.abc import Awaitable, Callable

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from schemas.learning import Route
from services.gateway.calls.departure import Departure
from services.gateway.calls.exchange import named
from services.gateway.recording.events import Call, Outcome
from services.gateway.upstreams.encodings import UNDECODABLE, decoder_of, encoded
from services.gateway.upstreams.headers import inbound_headers, route_headers
from services.gateway.upstreams.responses import BrokenOff, UpstreamResponse, header_of
from services.gateway.wire.addresses import Addresses
from services.gateway.wire.answers import Answer
from services.gateway.wire.formats.reading import is_json, total
from services.gateway.wire.formats.sse import MAX_EVENT_BYTES, EventSplitter, data_of, is_plain, with_data
from services.parts.ingress.errors import Refusal, error_body

Ended = Callable[[Outcome, int], Awaitable[None] | None]
_DONE = b"[DONE]"
_SAID = {"timeout": "the upstream fell silent", "upstream_interrupted": "the upstream broke off its answer"}


class StreamedAnswer(Response):
    """Server-sent events from an upstream's response to a client.

    `ended` is called exactly once, and what it returns awaited, before the client sees the stream's end:
    with the answer, with what had been said when the upstream broke off, or when the client left; and
    with the number of things that were not understood.
    """

    def __init__(self, upstream: UpstreamResponse, call: Call, route: Route, *, ended: Ended) -> None:
        self.status_code, self.background = upstream.status, None
        encoding = header_of(upstream.headers, b"content-encoding")
        self._decoder = decoder_of(encoding) if encoded(encoding) else None
        unheard = encoded(encoding) and self._decoder is None
        self.raw_headers = [
            *inbound_headers(upstream.headers, encoded=unheard),
            *route_headers(route, call.request_id),
        ]
        self._upstream, self._call, self._route, self._ended = upstream, call, route, ended
        self._transcript, self._splitter = call.surface.transcript(), EventSplitter()
        self._hides_usage = call.surface.usage_option and not call.asked.wants_usage and call.asked.sampling.stream
        addresses = Addresses(call.request_id, call.app.name, paired=call.surface.events, hides_usage=self._hides_usage)
        self._put_on = addresses.put_on_event if call.surface.events else addresses.put_on
        self._ttft_ms: float | None = None
        self._open, self._unheard = True, unheard
        self._recorded: Awaitable[None] | None = None
        if unheard:
            self._transcript.doubts.note()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the stream on until it ends or the client leaves."""
        try:
            with Departure(receive, after_s=0) as departure:
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
                await self._pass_on(send)
            if departure.left:
                self._end(finish_reason="client_disconnected")
        finally:
            self._end(error_type="gateway_stopped")
            self._upstream.release()

    async def _pass_on(self, send: Send) -> None:
        broken = ""
        try:
            while chunk := await self._upstream.piece():
                out = self._taken(chunk)
                if self._recorded is not None:
                    await self._until_recorded()
                if out:
                    await send({"type": "http.response.body", "body": out, "more_body": True})
        except TimeoutError:
            broken = "timeout"
        except (BrokenOff, *UNDECODABLE):
            broken = "upstream_interrupted"
        ending = self._ending(broken)
        await self._until_recorded()
        await send({"type": "http.response.body", "body": ending, "more_body": False})

    async def _until_recorded(self) -> None:
        recorded, self._recorded = self._recorded, None
        if recorded is not None:
            await recorded

    def _taken(self, chunk: bytes) -> bytes:
        if self._unheard:
            return chunk
        if self._decoder is not None:
            chunk = self._decoder.decompress(chunk)
        out = b"".join([self._heard(event) for event in self._splitter.feed(chunk)])
        if self._transcript.done:
            self._end()
        if len(self._splitter.rest) > MAX_EVENT_BYTES:
            # Whoever writes events of this size is passed on from here without being understood.
            self._unheard = True
            self._transcript.doubts.note()
            out, self._splitter.rest = out + self._splitter.rest, b""
        return out

    def _heard(self, event: bytes) -> bytes:
        transcript = self._transcript
        plain = is_plain(event)
        data = event[6:-2] if plain else data_of(event)
        if not data:
            return event
        try:
            only_usage = transcript.hear(data)
            if data == _DONE:
                return event
            if only_usage and self._hides_usage:
                return b""
            if transcript.error is not None and self._call.outbound.own:
                event = self._call.outbound.without_own_secrets(event)
                return with_data(event, self._put_on)
            return b"data: " + self._put_on(data) + b"\n\n" if plain else with_data(event, self._put_on)
        except Exception:  # noqa: BLE001  # the stream goes on whatever its record meets; doubts are counted
            transcript.doubts.note()
            return event
        finally:
            if self._ttft_ms is None and transcript.spoke:
                self._ttft_ms = self._since_receipt_ms()

    def _ending(self, broken: str) -> bytes:
        """Return what is still to be sent at the upstream's end, and close the record.

        An answer is whole with its end mark, its finish reasons, or the upstream's own error. What
        was never understood is not judged either, unless the connection itself broke.
        """
        transcript = self._transcript
        out = self._leftover()
        if transcript.done or transcript.error is not None:
            self._end()
            return out
        if transcript.finished:
            self._end()
            return out + self._call.surface.end_mark
        if not broken and (self._unheard or (transcript.doubts.count and not transcript.begun)):
            self._end()
            return out
        broken = broken or "upstream_interrupted"
        self._end(error_type=broken)
        return out + self._told(broken)

    def _leftover(self) -> bytes:
        """Return the last event, if only the blank line behind it is missing; half an event is dropped."""
        rest, self._splitter.rest = self._splitter.rest, b""
        data = data_of(rest)
        whole = data == _DONE or (data and is_json(data))
        return self._heard(rest.rstrip(b"\r\n") + b"\n\n") if whole else b""

    def _told(self, error_type: str) -> bytes:
        error = error_body(Refusal(502, _SAID[error_type], kind="upstream_error", code=error_type))
        if not self._call.surface.events:
            return b"data: " + msgspec.json.encode(error) + b"\n\n"
        event = {"type": "error", "code": error_type, "message": _SAID[error_type], "param": None}
        return b"event: error\ndata: " + msgspec.json.encode(event) + b"\n\n"

    def _end(self, *, error_type: str = "", finish_reason: str = "") -> None:
        if not self._open:
            return
        self._open = False
        doubts = self._transcript.doubts
        said = total(self._transcript.answer, Answer(), doubts)
        error_type = error_type or named(said.error)
        answer = msgspec.structs.replace(said, finish_reason=finish_reason or said.finish_reason)
        outcome = Outcome(self._route, answer, self._since_receipt_ms(), self._ttft_ms, error_type)
        self._recorded = self._ended(outcome, doubts.count)

    def _since_receipt_ms(self) -> float:
        return (time.perf_counter() - self._call.started) * 1000
