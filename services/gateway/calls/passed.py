"""Answers of upstreams passed on as they came: a whole one, and one that is passed through unheard."""

from collections.abc import Sequence

import aiohttp
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.gateway.calls.departure import Departure
from services.gateway.upstreams.uploads import Upload

Headers = Sequence[tuple[bytes, bytes]]
_WITHOUT_BODY = (204, 304)


class PassedAnswer(Response):
    """A whole answer: status, headers and body. The headers lack a length, which is the body's."""

    def __init__(self, status: int, headers: Headers, body: bytes) -> None:
        self.status_code, self.background, self.body = status, None, body
        length = [] if status in _WITHOUT_BODY else [(b"content-length", str(len(body)).encode())]
        self.raw_headers = [*headers, *length]


class ThroughAnswer(Response):
    """An upstream's response, piece by piece; broken off where the upstream breaks off."""

    def __init__(self, upstream: aiohttp.ClientResponse, headers: Headers, upload: Upload | None = None) -> None:
        self.status_code, self.background = upstream.status, None
        self.raw_headers = [*headers]
        self._upstream, self._upload = upstream, upload

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the answer on until it ends or the client leaves."""
        if self._upload is not None and not self._upload.done:
            # It answers what it has not heard to its end; the upload itself notices the client's departure.
            try:
                await self._pass_on(send)
            finally:
                self._upstream.close()
            return
        try:
            with Departure(receive, after_s=0):
                await self._pass_on(send)
        finally:
            self._upstream.release()

    async def _pass_on(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async for piece in self._upstream.content.iter_any():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
