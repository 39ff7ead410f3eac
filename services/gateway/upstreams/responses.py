"""What comes back from an upstream, whichever client asked for it."""

from collections.abc import Sequence
from typing import Protocol

import aiohttp

Headers = Sequence[tuple[bytes, bytes]]


class BrokenOff(Exception):
    """The connection ended before the answer did, or what came is not HTTP."""


class Unreached(Exception):
    """No replica answered there: nobody took the connection, or it was hung up before the first byte.

    Attributes:
        mistrusted: Its certificate was not accepted.
        connected: It may have got the request.
    """

    def __init__(self, *, mistrusted: bool = False, connected: bool = False) -> None:
        super().__init__("the replica can't be reached")
        self.mistrusted, self.connected = mistrusted, connected


class UpstreamResponse(Protocol):
    """A response whose head is there. Release it, whatever was read of it."""

    status: int

    @property
    def headers(self) -> Headers:
        """Names in lower case."""
        ...

    async def read(self) -> bytes:
        """Return the whole body.

        Raises:
            BrokenOff: It is not whole.
            TimeoutError: It stops coming.
        """
        ...

    async def piece(self) -> bytes:
        """Return what has come since the last piece, once there is something; nothing at the end. Raises as `read`."""
        ...

    def release(self) -> None:
        """Give the connection back, or up if the body was not taken to its end."""
        ...


class SessionResponse:
    """A response that aiohttp's session brought; see UpstreamResponse."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.status = response.status
        self.headers: Headers = [(name.lower(), value) for name, value in response.raw_headers]
        self._response = response

    async def read(self) -> bytes:
        """Return the whole body."""
        try:
            return await self._response.read()
        except aiohttp.ClientError as error:
            raise _told(error) from error

    async def piece(self) -> bytes:
        """Return what has come since the last piece."""
        try:
            return await self._response.content.readany()
        except aiohttp.ClientError as error:
            raise _told(error) from error

    def release(self) -> None:
        """Give the connection back, or up."""
        self._response.release()


def _told(error: aiohttp.ClientError) -> Exception:
    return TimeoutError() if isinstance(error, TimeoutError) else BrokenOff()


def header_of(headers: Headers, name: bytes) -> str:
    """Return the value of the first header of a name, empty without one."""
    for told, value in headers:
        if told == name:
            return value.decode("latin-1")
    return ""
