"""Pool to a replica that speaks raw HTTP/1.1: what is read from them, when they are used again, how they end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.upstreams.connection import Connection, PooledResponse
from services.gateway.upstreams.pool import Pool
from services.gateway.upstreams.responses import BrokenOff, Unreached
from tests.fixtures.waiting import PATIENCE_S

_OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\ncontent-length: 5\r\n\r\nhello"
_CHUNKED = (
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n4;x=y\r\n you\r\n0\r\nx-trailer: 1\r\n\r\n"
)
_INTERIM = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
_ENDS = b"HTTP/1.1 200 OK\r\nserver: old\r\n\r\nuntil the end"


@dataclass
class _Replica:
    """Answers the n-th request with the n-th script, None hangs up instead; remembers requests by connection."""

    answers: Sequence[bytes | None]
    closes: bool = False
    asked: list[bytes] = field(default_factory=list)
    connections: int = 0
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                self.asked.append(head + await reader.readexactly(length))
                answer = self.answers[len(self.asked) - 1]
                writer.write(answer or b"")
                await writer.drain()
                if answer is None or self.closes:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            self.hung_up.set()
        finally:
            writer.close()


Use = Callable[[Pool, _Replica], Awaitable[None]]


def _with(replica: _Replica, use: Use, read_s: float = PATIENCE_S) -> None:
    async def run() -> None:
        async with _serving(replica) as pool:
            await asyncio.wait_for(use(pool, replica), PATIENCE_S)

    @asynccontextmanager
    async def _serving(replica: _Replica) -> AsyncIterator[Pool]:
        server = await asyncio.start_server(replica.serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        pool = Pool(f"http://127.0.0.1:{port}/base/", None, connect_s=PATIENCE_S, read_s=read_s)
        try:
            yield pool
        finally:
            pool.close()
            server.close()

    asyncio.run(run())


async def _asked(pool: Pool) -> tuple[PooledResponse, bytes]:
    response = await pool.ask("/v1/chat/completions?x=1", [(b"x-mine", b"\xe9")], b"{}")
    return response, await response.read()


def test_a_request_is_written_as_it_is_and_its_answer_read() -> None:
    async def use(pool: Pool, replica: _Replica) -> None:
        response, body = await _asked(pool)
        assert (response.status, body) == (200, b"hello")
        assert response.headers == [(b"content-type", b"text/plain"), (b"content-length", b"5")]
        (asked,) = replica.asked
        connection, *headers = asked.partition(b"\r\n\r\n")[0].split(b"\r\n")
        assert connection == b"POST /base/v1/chat/completions?x=1 HTTP/1.1"
        assert headers[0].startswith(b"host: 127.0.0.1:")
        assert headers[1:] == [b"accept-encoding: identity", b"x-mine: \xe9", b"content-length: 2"]

    _with(_Replica([_OK]), use)


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (_CHUNKED, 200, b"hello you"),
        (_INTERIM + _OK, 200, b"hello"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n", 500, b""),
    ],
)
def test_a_connection_is_used_again_after_a_whole_answer(answer: bytes, status: int, body: bytes) -> None:
    async def use(pool: Pool, replica: _Replica) -> None:
        response, first = await _asked(pool)
        assert (response.status, first) == (status, body)
        _, second = await _asked(pool)
        assert (second, replica.connections) == (b"hello", 1)

    _with(_Replica([answer, _OK]), use)


@pytest.mark.parametrize(
    "answer",
    [
        _OK.replace(b"content-length", b"connection: close\r\ncontent-length"),
        _OK + b"more than was asked for",
        _OK + _OK,
        _OK.replace(b"HTTP/1.1", b"HTTP/1.0"),
    ],
)
def test_a_connection_is_not_used_again_when_it_is_not_to_be_trusted(answer: bytes) -> None:
    async def use(pool: Pool, replica: _Replica) -> None:
        assert (await _asked(pool))[1] == b"hello"
        assert (await _asked(pool))[1] == b"hello"
        assert replica.connections == 2

    _with(_Replica([answer, _OK]), use)


def test_an_answer_without_a_length_ends_with_its_connection() -> None:
    async def use(pool: Pool, _: _Replica) -> None:
        assert (await _asked(pool))[1] == b"until the end"

    _with(_Replica([_ENDS], closes=True), use)


@pytest.mark.parametrize("answer", [_OK[:-1], _CHUNKED[:-10], _CHUNKED[:-2]])
def test_an_answer_that_breaks_off_says_so(answer: bytes) -> None:
    async def use(pool: Pool, _: _Replica) -> None:
        response = await pool.ask("/", [], b"")
        assert response.status == 200
        with pytest.raises(BrokenOff):
            await response.read()

    _with(_Replica([answer], closes=True), use)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        b"HTTP/1.1 200",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000,
    ],
)
def test_what_is_no_answer_leaves_the_replica_unreached(answer: bytes | None) -> None:
    async def use(pool: Pool, _: _Replica) -> None:
        with pytest.raises(Unreached) as raised:
            await pool.ask("/", [], b"{}")
        assert raised.value.connected

    _with(_Replica([answer], closes=answer is not None and len(answer) < 100), use)


def test_a_replica_that_is_not_there_is_unreached_and_got_nothing() -> None:
    async def run() -> None:
        pool = Pool("http://127.0.0.1:1", None, connect_s=PATIENCE_S, read_s=PATIENCE_S)
        with pytest.raises(Unreached) as raised:
            await pool.ask("/", [], b"{}")
        assert not raised.value.connected

    asyncio.run(run())


@pytest.mark.parametrize("answer", [b"", _OK[:-1]])
def test_a_silent_replica_is_waited_for_no_longer_than_told(answer: bytes) -> None:
    async def use(pool: Pool, replica: _Replica) -> None:
        with pytest.raises(TimeoutError):
            await _asked(pool)
        await replica.hung_up.wait()

    _with(_Replica([answer]), use, read_s=0.2)


def test_a_connection_that_the_replica_closed_while_it_was_idle_is_not_asked() -> None:
    async def use(pool: Pool, replica: _Replica) -> None:
        await _asked(pool)
        while pool.idle:
            await asyncio.sleep(0)
        await _asked(pool)
        assert replica.connections == 2

    _with(_Replica([_OK, _OK], closes=True), use)


def test_a_call_that_is_given_up_ends_its_connection_and_no_other() -> None:
    async def use(pool: Pool, replica: _Replica) -> None:
        given_up = asyncio.create_task(pool.ask("/", [], b"{}"))
        while not replica.asked:
            await asyncio.sleep(0)
        given_up.cancel()
        await replica.hung_up.wait()
        assert (await _asked(pool))[1] == b"hello"

    _with(_Replica([b"", _OK]), use)


def test_pieces_come_as_they_arrive_and_a_slow_reader_holds_the_replica() -> None:
    size = 64 * 1024 * 1024
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size

    async def use(pool: Pool, _: _Replica) -> None:
        response = await pool.ask("/", [], b"{}")
        total, largest = 0, 0
        while piece := await response.piece():
            total, largest = total + len(piece), max(largest, len(piece))
            await asyncio.sleep(0)
        assert total == size
        assert largest < size / 16

    _with(_Replica([answer + b"x" * size]), use)


class _Silent(asyncio.Transport):
    """A transport that goes nowhere."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Forget it."""

    def is_closing(self) -> bool:
        """Open for ever."""
        return False

    def close(self) -> None:
        """Stay open."""

    abort = close

    def get_write_buffer_size(self) -> int:
        """Nothing waits."""
        return 0


@given(st.sampled_from([_OK, _CHUNKED, _INTERIM + _OK, _INTERIM + _INTERIM + _CHUNKED]), st.lists(st.integers(0, 200)))
def test_an_answer_is_the_same_wherever_the_network_cuts_it(answer: bytes, cuts: list[int]) -> None:
    async def read(pieces: list[bytes]) -> tuple[int, object, bytes]:
        home: list[Connection] = []
        connection = Connection(asyncio.get_running_loop(), PATIENCE_S, home=home.append, gone=home.remove)
        connection.connection_made(_Silent())
        asked = asyncio.create_task(connection.ask(b""))
        await asyncio.sleep(0)
        for piece in pieces:
            connection.data_received(piece)
        response = await asked
        body = await response.read()
        assert home == [connection]
        connection.connection_lost(None)
        return response.status, response.headers, body

    at = sorted({min(cut, len(answer)) for cut in cuts} | {0, len(answer)})
    pieces = [answer[start:end] for start, end in pairwise(at)]
    assert asyncio.run(read(pieces)) == asyncio.run(read([answer]))
