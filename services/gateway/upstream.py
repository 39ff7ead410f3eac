"""The way to the upstreams: one connection pool, replicas in turn, failures with a type."""

import io
import time
from dataclasses import dataclass

import aiohttp
import msgspec
from multidict import CIMultiDict
from yarl import URL

from schemas.configuration import App
from services.gateway.headers import Pairs
from services.gateway.replicas import Replicas

_TRIES = 3
_IN_ONE_GO_BYTES = 512 * 1024
# Answers are readdressed and heard, so they have to come as they are.
_AS_THEY_ARE = ("accept-encoding", "identity")
_OWN_HEADERS = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")


class UpstreamFailed(Exception):
    """No answer came.

    Attributes:
        status: What the client gets: 502 or 504.
        error_type: For the event: upstream_unavailable, upstream_interrupted, timeout.
    """

    def __init__(self, status: int, error_type: str, message: str) -> None:
        super().__init__(message)
        self.status, self.error_type, self.message = status, error_type, message


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for a connection and between two bytes of an answer, in seconds."""

    connect_s: float = 2.0
    read_s: float = 300.0


DEFAULT_PATIENCE = Patience()


class Sending(msgspec.Struct, frozen=True):
    """One HTTP request to whichever replica is well.

    Attributes:
        target: Path and query, encoded.
        repeatable: It may be sent again when a replica hangs up before its first byte.
    """

    target: str
    headers: Pairs
    body: bytes
    method: str = "POST"
    repeatable: bool = True


class Upstreams:
    """Every app's replicas. Made inside the event loop; close it."""

    def __init__(self, apps: tuple[App, ...], default_url: str, patience: Patience) -> None:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=patience.connect_s, sock_read=patience.read_s)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30),
            timeout=timeout,
            skip_auto_headers=_OWN_HEADERS,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=True,
        )
        self._replicas = {app.name: Replicas(app.upstreams or (default_url,)) for app in apps}
        self.without_usage: set[str] = set()

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    def replicas(self, app: str) -> int:
        """Return how many replicas an app has."""
        return len(self._replicas[app])

    async def open(self, app: str, sending: Sending) -> aiohttp.ClientResponse:
        """Send to the next replica; return its response, whatever its status. Release it.

        A replica that can't be reached, or hangs up before its first byte, rests, and the next one
        is asked: generating text has no effect that a repetition would double.

        Raises:
            UpstreamFailed: 502 nobody could be reached; 504 nobody answered in time.
        """
        replicas = self._replicas[app]
        for _ in range(max(_TRIES, len(replicas))):
            url = replicas.pick(time.monotonic())
            try:
                response = await self._send(url, sending)
            except aiohttp.SocketTimeoutError as error:
                raise timed_out() from error
            except aiohttp.ClientError as error:
                replicas.unreachable(url, time.monotonic())
                if not sending.repeatable and not isinstance(error, aiohttp.ClientConnectorError):
                    break
                continue
            replicas.reached(url)
            return response
        raise UpstreamFailed(502, "upstream_unavailable", "no upstream could be reached")

    async def _send(self, url: str, sending: Sending) -> aiohttp.ClientResponse:
        return await self._session.request(
            sending.method,
            URL(url + sending.target, encoded=True),
            data=_payload(sending.body),
            headers=CIMultiDict([*sending.headers, _AS_THEY_ARE]),
            allow_redirects=False,
        )


def _payload(body: bytes) -> bytes | io.BytesIO | None:
    # aiohttp writes bytes in one go, which would hold up the loop for a large body; a stream goes in pieces.
    return (body or None) if len(body) < _IN_ONE_GO_BYTES else io.BytesIO(body)


def timed_out() -> UpstreamFailed:
    """Return the failure of an upstream that stays silent."""
    return UpstreamFailed(504, "timeout", "the upstream did not answer in time")
