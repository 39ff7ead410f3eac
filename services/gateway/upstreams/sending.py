"""The way to the upstreams: replicas in turn, failures with a type."""

import io
import ssl
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import aiohttp
import msgspec
from multidict import CIMultiDict
from yarl import URL

from schemas.configuration import App
from services.gateway.upstreams.connection import KEEP_S
from services.gateway.upstreams.headers import Pairs
from services.gateway.upstreams.pool import Pool
from services.gateway.upstreams.replicas import Replicas
from services.gateway.upstreams.responses import SessionResponse, Unreached, UpstreamResponse
from services.gateway.upstreams.uploads import Upload
from services.parts.reach import proxy_to, trust_of

_TRIES = 3
_IN_ONE_GO_BYTES = 512 * 1024
# Answers are readdressed and heard, so they have to come as they are.
_AS_THEY_ARE = ("accept-encoding", "identity")
_R = TypeVar("_R")
_OWN_HEADERS = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")


class UpstreamFailed(Exception):
    """No answer came.

    Attributes:
        status: What the client gets: 502 or 504.
        error_type: For the event: upstream_unavailable, upstream_certificate, upstream_interrupted, timeout.
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
    body: bytes | Upload
    method: str = "POST"
    repeatable: bool = True


@dataclass(frozen=True, slots=True)
class Ways:
    """How upstreams are reached, settled once so that no call pays for it.

    Attributes:
        trust: By app with CAs of its own.
        proxies: By base URL that is reached through one.
    """

    trust: Mapping[str, ssl.SSLContext] = field(default_factory=dict)
    proxies: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, apps: Iterable[App], environment: Mapping[str, str]) -> "Ways":
        """Return those of a deployment.

        Raises:
            BadConfiguration: A file of CAs or a proxy is of no use.
        """
        apps = tuple(apps)
        trust = {app.name: context for app in apps if (context := trust_of(app)) is not None}
        urls = {url.rstrip("/") for app in apps for url in app.upstreams}
        return cls(trust, {url: proxy for url in urls if (proxy := proxy_to(url, environment))})


DIRECT = Ways()


class Upstreams:
    """Every app's replicas. Made inside the event loop; close it.

    Calls of the recorded surfaces go by connections of our own (services.gateway.upstreams.pool); what goes by a
    proxy, is large, or is passed through unheard goes by aiohttp's session.
    """

    def __init__(self, apps: tuple[App, ...], default_url: str, patience: Patience, ways: Ways = DIRECT) -> None:
        self._ways = ways
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=patience.connect_s, sock_read=patience.read_s)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_S),
            timeout=timeout,
            skip_auto_headers=_OWN_HEADERS,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        )
        self._replicas = {app.name: Replicas(app.upstreams or (default_url,)) for app in apps}
        self._pools = {
            (app, url): Pool(url, self._ways.trust.get(app), connect_s=patience.connect_s, read_s=patience.read_s)
            for app, replicas in self._replicas.items()
            for url in replicas.urls
            if url not in ways.proxies and URL(url).user is None
        }
        self.without_usage: set[str] = set()

    async def close(self) -> None:
        """Close the connections."""
        for pool in self._pools.values():
            pool.close()
        await self._session.close()

    def replicas(self, app: str) -> int:
        """Return how many replicas an app has."""
        return len(self._replicas[app])

    async def ask(self, app: str, sending: Sending) -> UpstreamResponse:
        """Send to the next replica; return its response, whatever its status. Release it.

        A replica that can't be reached, or hangs up before its first byte, rests, and the next one
        is asked: generating text has no effect that a repetition would double.

        Raises:
            UpstreamFailed: 502 nobody could be reached; 504 nobody answered in time.
        """
        return await self._tried(app, sending, self._asked)

    async def open(self, app: str, sending: Sending) -> aiohttp.ClientResponse:
        """Do the same for what is passed through unheard, piece by piece if its body is an upload.

        Raises:
            UpstreamFailed: As `ask`.
            Refusal: The client broke off the body that is passed on.
        """
        return await self._tried(app, sending, self._opened)

    async def _tried(self, app: str, sending: Sending, send: Callable[[str, str, Sending], Awaitable[_R]]) -> _R:
        replicas, mistrusted = self._replicas[app], False
        for _ in range(max(_TRIES, len(replicas))):
            url = replicas.pick(time.monotonic())
            try:
                response = await send(app, url, sending)
            except TimeoutError as error:
                raise timed_out() from error
            except Unreached as error:
                mistrusted = error.mistrusted
                replicas.unreachable(url, time.monotonic())
                if error.connected and not sending.repeatable:
                    break
                continue
            replicas.reached(url)
            return response
        if mistrusted:
            raise UpstreamFailed(502, "upstream_certificate", "the upstream's certificate is not trusted")
        raise UpstreamFailed(502, "upstream_unavailable", "no upstream could be reached")

    async def _asked(self, app: str, url: str, sending: Sending) -> UpstreamResponse:
        pool = self._pools.get((app, url))
        if pool is None or not isinstance(sending.body, bytes) or len(sending.body) >= _IN_ONE_GO_BYTES:
            return SessionResponse(await self._opened(app, url, sending))
        return await pool.ask(sending.target, sending.headers, sending.body)

    async def _opened(self, app: str, url: str, sending: Sending) -> aiohttp.ClientResponse:
        try:
            return await self._session.request(
                sending.method,
                URL(url + sending.target, encoded=True),
                data=sending.body.pieces() if isinstance(sending.body, Upload) else _payload(sending.body),
                headers=CIMultiDict([*((_text(name), _text(value)) for name, value in sending.headers), _AS_THEY_ARE]),
                allow_redirects=False,
                ssl=self._ways.trust.get(app, True),
                proxy=self._ways.proxies.get(url),
            )
        except aiohttp.SocketTimeoutError as error:
            raise TimeoutError from error
        except aiohttp.ClientError as error:
            if isinstance(sending.body, Upload) and sending.body.refusal is not None:
                raise sending.body.refusal from error
            raise Unreached(
                mistrusted=isinstance(error, aiohttp.ClientConnectorCertificateError),
                connected=not isinstance(error, aiohttp.ClientConnectorError),
            ) from error


def _payload(body: bytes) -> bytes | io.BytesIO | None:
    # Bytes are written in one go, which would hold up the loop for a large body; a stream goes in pieces.
    return (body or None) if len(body) < _IN_ONE_GO_BYTES else io.BytesIO(body)


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def timed_out() -> UpstreamFailed:
    """Return the failure of an upstream that stays silent."""
    return UpstreamFailed(504, "timeout", "the upstream did not answer in time")
