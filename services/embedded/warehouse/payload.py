"""Bodies of requests, decompressed whole.

clickhouse-connect compresses each block of an insert as a frame of its own, so one body holds many
frames: a decoder that stops after the first one drops the rest of the rows and nobody notices.
"""

import zlib
from typing import Protocol

import lz4.frame
import zstandard

MAX_BODY_BYTES = 512 * 1024 * 1024


class BadPayload(ValueError):
    """The body can't be decoded: unknown or broken compression, cut short, or larger than MAX_BODY_BYTES."""


class _Decoder(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


def _new_decoder(encoding: str) -> _Decoder:
    if encoding == "lz4":
        return lz4.frame.LZ4FrameDecompressor()  # type: ignore[no-any-return]  # the library carries no types
    if encoding == "zstd":
        return zstandard.ZstdDecompressor().decompressobj()
    if encoding == "gzip":
        return zlib.decompressobj(wbits=31)
    if encoding == "deflate":
        return zlib.decompressobj()
    raise BadPayload(f"unknown Content-Encoding: {encoding!r}")


def decompressed(body: bytes, encoding: str, *, limit: int = MAX_BODY_BYTES) -> bytes:
    """Return the content of every frame in a body, in order.

    Args:
        body: As received.
        encoding: Content-Encoding: lz4, zstd, gzip, deflate, identity or empty.
        limit: Largest content in bytes.

    Raises:
        BadPayload: See there. A body that ends inside a frame is broken, not short.
    """
    if encoding in ("", "identity"):
        return body
    content = bytearray()
    rest = body
    while rest:
        decoder = _new_decoder(encoding)
        try:
            content += decoder.decompress(rest)
        except (RuntimeError, zlib.error, zstandard.ZstdError) as error:
            raise BadPayload(f"broken {encoding} frame") from error
        if not decoder.eof:
            raise BadPayload(f"{encoding} body ends inside a frame")
        if len(content) > limit:
            raise BadPayload(f"content is larger than {limit} bytes")
        rest = decoder.unused_data or b""
    return bytes(content)
