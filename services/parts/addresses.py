"""Addresses as they may be shown, and why one could not be reached: what is printed or logged holds no credentials."""

import socket
import ssl
from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

import httpx


def shown(address: str) -> str:
    """Return an address without user, password, query and fragment; one that can't be read is not shown at all.

    Example:
        >>> shown("postgresql+psycopg://me:secret@db:5432/driftloop?sslmode=require")
        'postgresql+psycopg://db:5432/driftloop'
    """
    parts = _split(address)
    if parts is None:
        return "(an address that can't be read)"
    # A second slash keeps sqlite:////folder/file what it is.
    return f"{parts.scheme}://{_place(parts)}{parts.path}" if "://" in address else _place(parts) + parts.path


def origin(url: str) -> str:
    """Return scheme, host and port of a URL: the path of a webhook is often its key.

    Example:
        >>> origin("https://hooks.example.org/services/T0/B1/secret")
        'https://hooks.example.org'
    """
    parts = _split(url)
    return (
        f"{parts.scheme}://{_place(parts)}"
        if parts and parts.scheme and parts.netloc
        else "(an address that can't be read)"
    )


def unreached(error: BaseException) -> str:
    """Return in a few words why an HTTP call got no answer: nothing of its address, nothing of its body."""
    causes = list(_causes(error))
    if any(isinstance(cause, httpx.TimeoutException | TimeoutError) for cause in causes):
        return "no answer in time"
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return "unknown host"
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return "its certificate is not trusted"
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return "no TLS there"
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return "connection refused"
    if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL):
        return "not an http:// or https:// address"
    return type(error).__name__


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _split(address: str) -> SplitResult | None:
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
        parts.port  # noqa: B018  # reading it is what judges it
    except ValueError:
        return None
    return parts


def _place(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2]
