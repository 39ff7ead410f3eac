"""An answer's head and body in one piece."""

import asyncio
import socket

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schemas.listening import DEFAULT_LISTENING
from services.parts.ingress.writing import Joined
from tests.fixtures.http import Served
from tests.fixtures.waiting import PATIENCE_S


class _Written(asyncio.Transport):
    """A transport that keeps what it is given, piece by piece."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep a piece."""
        self.pieces.append(bytes(data))

    def close(self) -> None:
        """Note it."""
        self.closed = True


@pytest.mark.parametrize("closes", [False, True])
def test_the_head_goes_out_with_what_follows_it_in_the_same_turn_and_alone_otherwise(closes: bool) -> None:
    async def write() -> _Written:
        written = _Written()
        at_once, later = (Joined(written, asyncio.get_running_loop()) for _ in range(2))
        at_once.write(b"head")
        at_once.write(b"body")
        at_once.write(b"more")
        later.write(b"only a head")
        if closes:
            later.close()
        await asyncio.sleep(0)
        later.write(b"its body")
        return written

    written = asyncio.run(write())
    assert written.pieces == [b"headbody", b"more", b"only a head", b"its body"]
    assert written.closed == closes


async def _answered(_: Request) -> Response:
    return Response(b"hello")


def test_answers_with_and_without_a_body_keep_their_order_on_one_connection() -> None:
    application = Starlette(routes=[Route("/", _answered, methods=["GET"])])
    with (
        Served(application, listening=DEFAULT_LISTENING) as served,
        socket.create_connection(("127.0.0.1", served.port), PATIENCE_S) as client,
    ):
        asked = [b"%s / HTTP/1.1\r\nhost: x\r\n\r\n" % method for method in (b"GET", b"HEAD", b"GET", b"HEAD")]
        client.sendall(b"".join(asked[:-1]) + asked[-1].replace(b"host", b"connection: close\r\nhost"))
        told = b""
        while data := client.recv(65_536):
            told += data
    answers = told.split(b"HTTP/1.1 200 OK\r\n")[1:]
    assert [answer.endswith(b"\r\n\r\nhello") for answer in answers] == [True, False, True, False]
    assert all(b"content-length: 5" in answer for answer in answers)
