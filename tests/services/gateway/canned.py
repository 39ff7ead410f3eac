"""An upstream that answers everything with the same bytes, and remembers what it was sent, byte for byte."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from starlette.types import Receive, Scope, Send

JSON = ((b"content-type", b"application/json"),)
EVENTS = ((b"content-type", b"text/event-stream; charset=utf-8"),)


@dataclass(frozen=True)
class Sent:
    """One request as it came in."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Canned:
    """What it answers, piece by piece, and what it got. `pause_s` lies between the pieces.

    Attributes:
        breaks: The connection is cut after the last piece.
        refuses: A body with this in it is refused with 400.
    """

    pieces: Sequence[bytes]
    status: int = 200
    headers: Sequence[tuple[bytes, bytes]] = JSON
    pause_s: float = 0.0
    breaks: bool = False
    refuses: bytes = b""
    sent: list[Sent] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        body = await _body(receive)
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        path = scope["raw_path"].decode()
        self.sent.append(Sent(scope["method"], path, scope["query_string"].decode(), headers, body))
        if self.refuses and self.refuses in body:
            await send({"type": "http.response.start", "status": 400, "headers": [*JSON]})
            await send({"type": "http.response.body", "body": b'{"error": {"message": "unknown field"}}'})
            return
        await send({"type": "http.response.start", "status": self.status, "headers": [*self.headers]})
        for piece in self.pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            await asyncio.sleep(self.pause_s)
        if self.breaks:
            raise ConnectionAbortedError
        await send({"type": "http.response.body", "body": b""})


async def _body(receive: Receive) -> bytes:
    pieces = []
    while True:
        message = await receive()
        pieces.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(pieces)
