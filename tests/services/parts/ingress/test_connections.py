"""Bounds on what one client may take: headers, time, connections."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from schemas.listening import Listening
from services.parts.ingress.errors import json_answer
from services.parts.ingress.serving import ERROR_HANDLERS
from tests.fixtures.http import Served
from tests.fixtures.waiting import PATIENCE_S, until

_PIECE = b"x" * 65_536
_GET = b"GET /fine HTTP/1.1\r\nHost: here\r\n"


class _App:
    """Answers, reads a body, or goes on and on."""

    def __init__(self) -> None:
        self.produced, self.ended = 0, False
        routes = [Route("/fine", self._fine), Route("/read", self._read, methods=["POST"]), Route("/much", self._much)]
        self.application = Starlette(routes=routes, exception_handlers=ERROR_HANDLERS)

    async def _fine(self, _: Request) -> Response:
        return json_answer({"fine": True})

    async def _read(self, request: Request) -> Response:
        return json_answer({"bytes": len(await request.body())})

    async def _much(self, _: Request) -> Response:
        return StreamingResponse(self._pieces())

    async def _pieces(self) -> AsyncIterator[bytes]:
        try:
            while True:
                self.produced += len(_PIECE)
                yield _PIECE
                await asyncio.sleep(0)
        finally:
            self.ended = True


def _connected(served: Served, sent: bytes) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", served.port), PATIENCE_S)
    client.sendall(sent)
    return client


def _said(client: socket.socket) -> tuple[int, dict[str, str], str]:
    """Return status, headers and error code of what is answered before the connection ends."""
    data = b""
    while piece := client.recv(65_536):
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    line, *rest = head.decode().split("\r\n")
    headers = dict(pair.split(": ", 1) for pair in rest)
    return int(line.split()[1]), headers, json.loads(body)["error"]["code"]


@pytest.mark.parametrize(
    "sent",
    [
        _GET + b"X-Never: ends",
        b"POST /read HTTP/1.1\r\nHost: here\r\nContent-Length: 1000\r\n\r\nonly this",
        b"POST /read HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n",
        b"\r\n",
    ],
)
def test_a_client_that_does_not_finish_its_request_is_cut_off_and_its_neighbour_is_answered(sent: bytes) -> None:
    with Served(_App().application, listening=Listening(patience_s=1)) as served, httpx.Client() as neighbour:
        with _connected(served, sent) as client:
            assert neighbour.get(f"{served.url}/fine").json() == {"fine": True}
            status, headers, code = _said(client)
        assert (status, code, headers["connection"]) == (408, "request_timeout", "close")
        assert neighbour.get(f"{served.url}/fine").json() == {"fine": True}


def test_a_client_that_says_nothing_is_hung_up_on() -> None:
    with Served(_App().application, listening=Listening(patience_s=1)) as served, _connected(served, b"") as client:
        assert client.recv(100) == b""


def test_a_body_that_keeps_coming_is_waited_for() -> None:
    with Served(_App().application, listening=Listening(patience_s=1)) as served:
        head = b"POST /read HTTP/1.1\r\nHost: here\r\nContent-Length: 6000\r\nConnection: close\r\n\r\n"
        with _connected(served, head) as client:
            for _ in range(6):
                client.settimeout(0.4)
                with pytest.raises(TimeoutError):
                    client.recv(1)
                client.sendall(b"x" * 1000)
            client.settimeout(PATIENCE_S)
            answer = client.recv(65_536)
        assert answer.startswith(b"HTTP/1.1 200")


def test_a_client_that_does_not_take_its_answer_holds_little_memory_and_is_cut_off() -> None:
    app = _App()
    with Served(app.application, listening=Listening(patience_s=1)) as served:
        with _connected(served, b"GET /much HTTP/1.1\r\nHost: here\r\n\r\n"):
            until(lambda: app.ended)
        # What the system's own buffers take is not ours to bound.
        assert app.produced < 32 * 1024 * 1024


@pytest.mark.parametrize(
    "sent",
    [
        _GET + b"".join(b"X-%d: y\r\n" % number for number in range(200)) + b"\r\n",
        _GET + b"X-Large: " + b"y" * 5000 + b"\r\n\r\n",
        _GET + b"X-Large: " + b"y" * 5000,
        b"GET /" + b"y" * 5000 + b" HTTP/1.1\r\n\r\n",
    ],
)
def test_too_many_or_too_large_headers_are_answered_431(sent: bytes) -> None:
    with Served(_App().application, listening=Listening(header_bytes=4096)) as served, _connected(served, sent) as one:
        status, headers, code = _said(one)
    assert (status, code) == (431, "headers_too_large")
    assert headers["x-content-type-options"] == "nosniff"
    assert "server" not in headers


def test_headers_within_their_bound_pass_whatever_the_size_of_the_body() -> None:
    with Served(_App().application, listening=Listening(header_bytes=4096)) as served:
        for _ in range(2):
            answer = httpx.post(f"{served.url}/read", content=b"x" * 100_000, headers={"x-large": "y" * 3000})
            assert answer.json() == {"bytes": 100_000}


def test_a_connection_too_many_is_answered_503_and_there_is_room_again_when_one_ends() -> None:
    with Served(_App().application, listening=Listening(connections=2)) as served:
        with ExitStack() as stack:
            for _ in range(2):
                with_one = stack.enter_context(_connected(served, _GET + b"\r\n"))
                assert with_one.recv(1000).startswith(b"HTTP/1.1 200")
            with _connected(served, _GET + b"\r\n") as third:
                status, headers, code = _said(third)
        assert (status, code, headers["retry-after"]) == (503, "too_many_connections", "1")
        until(lambda: httpx.get(f"{served.url}/fine").status_code, lambda status: status == 200)


def test_what_is_no_http_is_answered_400() -> None:
    with Served(_App().application, listening=Listening()) as served, _connected(served, b"\x16\x03\x01 no\r\n") as one:
        assert _said(one)[0] == 400


def test_errors_of_ours_are_not_kept_by_caches() -> None:
    with Served(_App().application, listening=Listening()) as served:
        lost, found = httpx.get(f"{served.url}/nowhere"), httpx.get(f"{served.url}/fine")
    assert (lost.headers["cache-control"], lost.headers["x-content-type-options"]) == ("no-store", "nosniff")
    assert found.headers["x-content-type-options"] == "nosniff"
    assert not {"cache-control", "server", "strict-transport-security"} & found.headers.keys()
