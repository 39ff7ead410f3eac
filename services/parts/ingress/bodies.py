"""Request bodies, bounded before and after decompression."""

import gzip
import io
import zlib
from collections.abc import Mapping

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.types import Receive, Scope

from services.parts.ingress.errors import Refusal


def too_large(limit: int) -> Refusal:
    """Return the answer to a body past the limit."""
    return Refusal(413, f"the body is larger than {limit} bytes", code="request_too_large")


async def body_of(request: Request, limit: int) -> bytes:
    """Return the body of a request; see `body_in`."""
    return await body_in(headers_in(request.scope), request.receive, limit)


async def body_in(headers: Mapping[bytes, bytes], receive: Receive, limit: int) -> bytes:
    """Return a body, decompressed if it came as gzip.

    Never holds more than `limit` bytes of it, whatever its headers claim.

    Raises:
        Refusal: 413 larger than `limit`; 400 not gzip though it says so; 415 any other encoding.
    """
    if int(headers.get(b"content-length") or 0) > limit:
        raise too_large(limit)
    encoding = headers.get(b"content-encoding", b"identity").decode("latin-1").lower()
    if encoding not in ("identity", "", "gzip"):
        raise Refusal(415, f"content-encoding {encoding} is not understood; use gzip or none")
    body = await _received(receive, limit)
    return await run_in_threadpool(unzipped, body, limit) if encoding == "gzip" else body


def headers_in(scope: Scope) -> dict[bytes, bytes]:
    """Return a request's headers by name in lower case; of a repeated one the first."""
    return dict(reversed(scope["headers"]))


async def _received(receive: Receive, limit: int) -> bytes:
    chunks: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refusal(400, "the client left before its request was complete")
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > limit:
            raise too_large(limit)
        more = message.get("more_body", False)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def unzipped(body: bytes, limit: int) -> bytes:
    """Return what a gzip body holds, all its members together (RFC 1952, 2.2).

    Raises:
        Refusal: 413 more than `limit` bytes; 400 not gzip from end to end, or cut off.
    """
    if not body:
        raise Refusal(400, "the body is not gzip")
    try:
        data = gzip.GzipFile(fileobj=io.BytesIO(body)).read(limit + 1)
    except EOFError as error:
        raise Refusal(400, "the gzip body is cut off") from error
    except (zlib.error, gzip.BadGzipFile) as error:
        raise Refusal(400, "the body is not gzip") from error
    if len(data) > limit:
        raise too_large(limit)
    return data
