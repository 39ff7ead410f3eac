"""Connections to one replica, kept open between calls; one call at a time on each.

This is what calls of the recorded surfaces go by: one write out, httptools on the way back, and neither a task nor
a timer by call. Why not aiohttp, which everything else goes by: docs/decisions.md.
"""

import asyncio
import ssl
from functools import cache, partial
from socket import SOCK_STREAM

from aiohappyeyeballs import start_connection
from yarl import URL

from services.gateway.upstreams.connection import Connection, PooledResponse
from services.gateway.upstreams.responses import Headers, Unreached

_STAGGER_S = 0.25


class Pool:
    """The connections to a replica: the one that was used last is used next, those long idle end themselves.

    Args:
        base_url: Of the replica.
        trust: What its certificate is judged by; None means the public CAs.
        connect_s: How long a connection may take to come about.
        read_s: How long the upstream may be silent.
    """

    def __init__(self, base_url: str, trust: ssl.SSLContext | None, *, connect_s: float, read_s: float) -> None:
        url = URL(base_url)
        self._host, self._port = url.raw_host or "", url.port or 0
        self._trust = (trust or public_trust()) if url.scheme == "https" else None
        self._connect_s, self._read_s = connect_s, read_s
        self._before = f"POST {url.raw_path.rstrip('/')}"
        self._behind = f" HTTP/1.1\r\nhost: {url.host_port_subcomponent}\r\naccept-encoding: identity\r\n"
        self._idle: list[Connection] = []

    async def ask(self, target: str, headers: Headers, body: bytes) -> PooledResponse:
        """Post a body, and return the response once its head is there.

        Raises:
            Unreached: Nobody took the connection, or it ended before an answer.
            TimeoutError: The upstream stays silent.
        """
        request = self._written(target, headers, body)
        while self._idle:
            connection = self._idle.pop()
            if not connection.closing:
                return await connection.ask(request)
        return await (await self._opened()).ask(request)

    def _written(self, target: str, headers: Headers, body: bytes) -> bytes:
        pieces = [f"{self._before}{target}{self._behind}".encode("latin-1")]
        pieces += [b"%b: %b\r\n" % pair for pair in headers]
        pieces += (b"content-length: %d\r\n\r\n" % len(body), body)
        return b"".join(pieces)

    @property
    def idle(self) -> int:
        """How many connections wait for a call."""
        return len(self._idle)

    def close(self) -> None:
        """End those that are idle; the others end with their calls."""
        for connection in self._idle:
            connection.abort()

    def _gone(self, connection: Connection) -> None:
        if connection in self._idle:
            self._idle.remove(connection)

    async def _opened(self) -> Connection:
        loop = asyncio.get_running_loop()
        make = partial(Connection, loop, self._read_s, home=self._idle.append, gone=self._gone)
        name = self._host.rstrip(".") if self._trust else None
        try:
            async with asyncio.timeout(self._connect_s):
                found = await loop.getaddrinfo(self._host, self._port, type=SOCK_STREAM)
                socket = await start_connection(found, happy_eyeballs_delay=_STAGGER_S, loop=loop)
                _, connection = await loop.create_connection(make, sock=socket, ssl=self._trust, server_hostname=name)
        except ssl.SSLCertVerificationError as error:
            raise Unreached(mistrusted=True) from error
        except (OSError, TimeoutError) as error:
            raise Unreached from error
        return connection


@cache
def public_trust() -> ssl.SSLContext:
    """Return what upstreams of no CA of their own are judged by: the public CAs, or those in SSL_CERT_FILE."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
