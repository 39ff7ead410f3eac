"""Request bodies, bounded before and after decompression."""

import gzip
import io
import zlib

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from services.parts.ingress.errors import Refusal


def too_large(limit: int) -> Refusal:
    """Return the answer to a body past the limit."""
    return Refusal(413, f"the body is larger than {limit} bytes", code="request_too_large")


async def body_of(request: Request, limit: int) -> bytes:
    """Return the body, decompressed if it came as gzip.

    Never holds more than `limit` bytes of it, whatever its headers claim.

    Raises:
        Refusal: 413 larger than `limit`; 400 not gzip though it says so; 415 any other encoding.
    """
    if int(request.headers.get("content-length", "0") or 0) > limit:
        raise too_large(limit)
    encoding = request.headers.get("content-encoding", "identity").lower()
    if encoding not in ("identity", "", "gzip"):
        raise Refusal(415, f"content-encoding {encoding} is not understood; use gzip or none")
    body = await _received(request, limit)
    return await run_in_threadpool(unzipped, body, limit) if encoding == "gzip" else body


async def _received(request: Request, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit:
                raise too_large(limit)
            chunks.append(chunk)
    except ClientDisconnect as error:
        raise Refusal(400, "the client left before its request was complete") from error
    return b"".join(chunks)


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
