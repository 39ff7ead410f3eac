"""One connection to a replica: a request goes out in one write, and httptools reads what comes back."""

import asyncio
from collections.abc import Callable
from typing import cast

import httptools

from services.gateway.upstreams.responses import BrokenOff, Unreached

KEEP_S = 30.0
_MAX_HEAD_BYTES = 128 * 1024
_HELD_BYTES = 256 * 1024
_WITHOUT_BODY = (204, 304)
_FRAMING = (b"content-length", b"transfer-encoding")
_UNREADABLE = (httptools.HttpParserError, httptools.HttpParserUpgrade)


class PooledResponse:
    """A response on a connection; see UpstreamResponse. Its reader is one task."""

    __slots__ = ("_connection", "_ended", "_error", "_held", "_pieces", "_waiter", "_whole", "headers", "status")

    def __init__(self, connection: "Connection", waiter: "asyncio.Future[None]") -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self._connection: Connection | None = connection
        self._waiter: asyncio.Future[None] | None = waiter
        self._pieces: list[bytes] = []
        self._held = 0
        self._ended = self._whole = False
        self._error: Exception | None = None

    async def read(self) -> bytes:
        """Return the whole body."""
        self._whole = True
        while not self._ended:
            await self._more()
        if self._error is not None:
            raise self._error
        return b"".join(self._pieces)

    async def piece(self) -> bytes:
        """Return what has come since the last piece."""
        while not self._pieces and not self._ended:
            await self._more()
        if not self._pieces and self._error is not None:
            raise self._error
        pieces, self._pieces, self._held = self._pieces, [], 0
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def release(self) -> None:
        """Give the connection up, unless the response is whole: then it is free already."""
        if self._connection is not None:
            self._connection.abort()

    def take(self, piece: bytes) -> bool:
        """Keep a piece of the body; return whether more than a slow reader should have is waiting now."""
        self._pieces.append(piece)
        self._held += len(piece)
        return self._held > _HELD_BYTES and not self._whole

    def tell(self) -> None:
        """Wake the reader: there is news."""
        waiter = self._waiter
        if waiter is not None and not waiter.done() and (self._ended or not self._whole):
            waiter.set_result(None)

    def end(self, error: Exception | None) -> None:
        """Note that nothing more will come."""
        self._connection, self._ended, self._error = None, True, error
        waiter = self._waiter
        if waiter is None or waiter.done():
            return
        if error is not None and not self.status:
            waiter.set_exception(error)
        else:
            waiter.set_result(None)

    async def _more(self) -> None:
        assert self._connection is not None
        self._waiter = self._connection.awaited()
        await self._waiter


class Connection(asyncio.Protocol):
    """A connection with at most one call on it.

    One timer watches over it for as long as it is open, so that no call costs one: it looks whether the upstream
    has been silent, or the connection idle, for too long.

    Args:
        loop: The running one.
        read_s: How long an upstream may be silent.
        home: Called when the connection is free for the next call.
        gone: Called when it is closed.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        read_s: float,
        *,
        home: "Callable[[Connection], None]",
        gone: "Callable[[Connection], None]",
    ) -> None:
        self._loop, self._read_s, self._home, self._gone = loop, read_s, home, gone
        self._parser = httptools.HttpResponseParser(self)
        # As aiohttp reads upstreams.
        self._parser.set_dangerous_leniencies(
            lenient_headers=True, lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )
        self._response: PooledResponse | None = None
        self._heard_at, self._head_bytes = loop.time(), 0
        self._begun = self._framed = self._complete = self._spoilt = self._paused = False

    @property
    def closing(self) -> bool:
        """Whether it takes no call any more."""
        return self._transport.is_closing()

    async def ask(self, request: bytes) -> PooledResponse:
        """Send a request, and return its response once the head is there.

        Raises:
            Unreached: The connection ended first, or what came is not HTTP.
            TimeoutError: The upstream stays silent.
        """
        waiter = self._loop.create_future()
        self._response = response = PooledResponse(self, waiter)
        self._begun = self._framed = self._complete = False
        self._heard_at, self._head_bytes = self._loop.time(), 0
        self._transport.write(request)
        try:
            await waiter
        except asyncio.CancelledError:
            response.release()
            raise
        except BrokenOff as error:
            raise Unreached(connected=True) from error
        return response

    def awaited(self) -> "asyncio.Future[None]":
        """Return what is done when something more has come; read on, if reading was held."""
        if self._paused:
            self._paused, self._heard_at = False, self._loop.time()
            self._transport.resume_reading()
        return self._loop.create_future()

    def abort(self) -> None:
        """End the connection at once."""
        self._end(BrokenOff())
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Watch over it from now on."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its ancestry
        self._timer = self._loop.call_later(min(self._read_s, KEEP_S), self._look)

    def data_received(self, data: bytes) -> None:
        """Read what came; what nobody asked for ends the connection."""
        response, self._heard_at = self._response, self._loop.time()
        if response is None:
            self._transport.abort()
            return
        try:
            self._parser.feed_data(data)
        except _UNREADABLE:
            self._spoilt = True
        if self._complete:
            self._finish()
        elif self._spoilt or (not self._begun and self._too_long(data)):
            self.abort()
        elif self._begun:
            response.tell()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits; an answer without a length ends so."""
        self._timer.cancel()
        whole = exc is None and self._begun and not self._framed
        self._end(None if whole else BrokenOff())
        self._gone(self)
        del self._parser  # it holds this connection, too

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header (or, behind a body in chunks, a trailer, which is left out)."""
        if not self._begun and self._response is not None:
            name = name.lower()
            self._framed = self._framed or name in _FRAMING
            self._response.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The head is there, unless it is that of an interim answer."""
        response, status = self._response, self._parser.get_status_code()
        if response is not None and not self._complete and status >= 200:
            response.status = status
            self._begun = True
            self._framed = self._framed or status in _WITHOUT_BODY

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body; hold reading while the reader is slow."""
        response = self._response
        if response is not None and not self._complete and response.take(body) and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        """The answer is whole; an interim one is forgotten."""
        if self._begun and not self._complete:
            self._complete = True
            self._spoilt = self._spoilt or not self._parser.should_keep_alive()
        elif self._response is not None and not self._complete:
            self._response.headers.clear()
            self._framed = False

    def on_message_begin(self) -> None:
        """Another message behind a whole one was not asked for."""
        self._spoilt = self._spoilt or self._complete

    def _too_long(self, data: bytes) -> bool:
        self._head_bytes += len(data)
        return self._head_bytes > _MAX_HEAD_BYTES

    def _finish(self) -> None:
        self._end(None)
        if self._paused:
            self._paused = False
            self._transport.resume_reading()
        if self._spoilt or self._transport.is_closing() or self._transport.get_write_buffer_size():
            self._transport.close()
        else:
            self._home(self)

    def _end(self, error: Exception | None) -> None:
        response, self._response = self._response, None
        if response is not None:
            response.end(error)

    def _look(self) -> None:
        now = self._loop.time()
        asked = self._response is not None
        due = self._heard_at + (self._read_s if asked else KEEP_S)
        if self._paused:
            due = now + self._read_s
        if due > now:
            self._timer = self._loop.call_at(min(due, now + min(self._read_s, KEEP_S)), self._look)
            return
        self._end(TimeoutError())
        self._transport.abort()
