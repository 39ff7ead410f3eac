"""One client's connection: bounded headers, a bounded number of connections, and an end for those that dawdle.

Nothing here costs a timer or a task by call. The server's tick goes over all connections once a second and
asks each what its client owes: the rest of its headers, of its body, or taking its answer.
"""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Literal, NamedTuple

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from schemas.listening import Listening
from services.parts.ingress.answers import protecting
from services.parts.ingress.errors import Refusal, error_body, json_answer
from services.parts.ingress.writing import Joined

# Far below any link that a person would wait for.
LEAST_BYTES_S = 256
_HEALTH = "/healthz"
_BAD = Refusal(400, "this is not HTTP as HTTP/1.1 has it")
_SLOW = Refusal(408, "the request did not come in time", code="request_timeout")
_FULL = Refusal(
    503, "too many connections", kind="server_error", code="too_many_connections", headers={"Retry-After": "1"}
)
_NO_CERTIFICATE = Refusal(401, "show a client certificate", kind="authentication_error", code="certificate_required")

Owed = Literal["headers", "body", "taking"]


class _Window(NamedTuple):
    """Since when the client has owed the same, and how far it had come."""

    owed: Owed
    message: int
    done: int
    began: float


class Connection(HttpToolsProtocol):
    """Uvicorn's protocol within the bounds of a deployment."""

    def __init__(self, *args: Any, listening: Listening, **kwargs: Any) -> None:  # arguments are uvicorn's own
        super().__init__(*args, **kwargs)
        self._listening = listening
        self._owes: Owed | None = "headers"
        self._message, self._bytes, self._head_began = 0, 0, 0
        self._window: _Window | None = None
        self._refusal: Refusal | None = None
        self._full = self._over = self._anonymous = False

    def connection_made(self, transport: Any) -> None:  # uvloop's transports share no type
        """Take a client; one that is too many is told so when it asks, and is not even listened to past twice that."""
        super().connection_made(transport)
        self._full = len(self.connections) > self._listening.connections
        if len(self.connections) > 2 * self._listening.connections:
            self._abort()
        if self._listening.client_ca is not None and self.scheme == "https":
            self._anonymous = not transport.get_extra_info("peercert")

    def data_received(self, data: bytes) -> None:
        """Read on, unless the connection is over."""
        if self._over:
            return
        if self._owes is None:
            self._owes, self._head_began = "headers", self._bytes
        self._bytes += len(data)
        super().data_received(data)
        if self._owes == "headers" and self._bytes - self._head_began > self._listening.header_bytes:
            self._refuse(_headers_too_large(self._listening))

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._owes = "headers"
        self._message += 1

    def on_headers_complete(self) -> None:
        """Its headers are there: judge them before anything of it is handled."""
        self._refusal = self._judged()
        if self._refusal is not None:
            # Ends the parsing; the answer is sent where uvicorn answers what it can't parse.
            raise ValueError(self._refusal.message)
        self._owes = "body"
        if self._anonymous:
            self.app: Any = _certified(self.app)
            self._anonymous = False
        super().on_headers_complete()
        cycle: Any = self.cycle  # writes to whatever has a transport's methods
        cycle.transport = Joined(self.transport, self.loop)

    def on_message_complete(self) -> None:
        """The request is there; the next may have begun in the same bytes."""
        self._owes, self._head_began = None, self._bytes
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what can't be parsed, or was refused while it was."""
        self._refuse(self._refusal or _BAD)

    def overdue(self, now: float) -> bool:
        """Tell whether the client has owed something for too long; `now` is of one monotonic clock."""
        owed, done = self._owing()
        window = self._window
        if owed is None:
            self._window = None
            return False
        least = LEAST_BYTES_S * self._listening.patience_s
        if (
            window is None
            or (window.owed, window.message) != (owed, self._message)
            or done < window.done
            or (owed != "headers" and done - window.done >= least)
        ):
            self._window = _Window(owed, self._message, done, now)
            return False
        return now - window.began > self._listening.patience_s

    def cut(self) -> None:
        """End it: with 408 while there is a request to answer, else without a word."""
        owed, _ = self._owing()
        if owed == "headers" and self._bytes == self._head_began:
            self._over = True
            self.transport.close()
        elif owed == "taking" or self._answering:
            self._abort()
        else:
            self._refuse(_SLOW)

    @property
    def _answering(self) -> bool:
        """Whether bytes of another answer are out, or will be next."""
        cycle: Any = self.cycle  # None before the first request
        if cycle is None:
            return False
        if self._owes == "body":
            return bool(cycle.response_started)
        return not cycle.response_complete

    def _owing(self) -> tuple[Owed | None, int]:
        unsent = self.transport.get_write_buffer_size()
        if unsent:
            return "taking", -unsent
        # What is not read cannot be owed, and who is being answered may wait with the next request.
        if self.flow.read_paused or (self._owes == "headers" and self._answering):
            return None, 0
        return self._owes, 0 if self._owes == "headers" else self._bytes

    def _judged(self) -> Refusal | None:
        listening = self._listening
        if len(self.headers) > listening.header_count:
            return _headers_too_large(listening)
        # Bytes may hold a body, too; only more of them than headers may have are worth counting.
        if self._bytes - self._head_began > listening.header_bytes and self._size() > listening.header_bytes:
            return _headers_too_large(listening)
        return _FULL if self._full else None

    def _size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _refuse(self, refusal: Refusal) -> None:
        self._over = True
        if self._answering:
            self._abort()
            return
        self.transport.write(self._written(refusal))
        self.transport.close()

    def _written(self, refusal: Refusal) -> bytes:
        body = msgspec.json.encode(error_body(refusal))
        headers = [
            *self.server_state.default_headers,
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
            *((name.lower().encode(), value.encode()) for name, value in refusal.headers.items()),
            *protecting(refusal.status, self.scheme or "http"),
        ]
        line = f"HTTP/1.1 {refusal.status} {HTTPStatus(refusal.status).phrase}\r\n".encode()
        return line + b"".join(name + b": " + value + b"\r\n" for name, value in headers) + b"\r\n" + body

    def _abort(self) -> None:
        self._over = True
        self.transport.abort()


def _headers_too_large(listening: Listening) -> Refusal:
    said = f"more than {listening.header_count} headers, or {listening.header_bytes} bytes of them"
    return Refusal(431, said, code="headers_too_large")


def _certified(app: ASGIApp) -> ASGIApp:
    """Return an application that answers a client without a certificate nothing but whether it is well."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] != _HEALTH:
            refusal = _NO_CERTIFICATE
            await json_answer(error_body(refusal), refusal.status)(scope, receive, send)
        else:
            await app(scope, receive, send)

    return answer


def sweep(connections: Iterable[object], now: float) -> int:
    """Cut off whoever is overdue, and return how many were."""
    late = [each for each in connections if isinstance(each, Connection) and each.overdue(now)]
    for connection in late:
        connection.cut()
    return len(late)
