"""Answers that come encoded although the upstream was asked for them as they are: read if we can, never refused."""

import zlib
from collections.abc import Callable
from typing import Protocol

import zstandard

_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32


class Decoder(Protocol):
    """Takes encoded bytes, piece by piece, and returns those before."""

    def decompress(self, data: bytes, /) -> bytes:
        """Return what the next piece holds."""
        ...


_DECODERS: dict[str, Callable[[], Decoder]] = {
    "gzip": lambda: zlib.decompressobj(_GZIP_OR_ZLIB),
    "x-gzip": lambda: zlib.decompressobj(_GZIP_OR_ZLIB),
    "deflate": lambda: zlib.decompressobj(_GZIP_OR_ZLIB),
    "zstd": lambda: zstandard.ZstdDecompressor().decompressobj(),
}
UNDECODABLE = (zlib.error, zstandard.ZstdError)


def encoded(content_encoding: str) -> bool:
    """Tell whether a `content-encoding` says anything."""
    return content_encoding.strip().lower() not in ("", "identity")


def decoder_of(content_encoding: str) -> Decoder | None:
    """Return what reads an encoding; None for one that is not known here, as br."""
    make = _DECODERS.get(content_encoding.strip().lower())
    return make() if make else None


def decoded(content_encoding: str, data: bytes) -> bytes | None:
    """Return a whole body as it was before encoding; None if that can't be told."""
    if not encoded(content_encoding) or not data:
        return data
    decoder = decoder_of(content_encoding)
    if decoder is None:
        return None
    try:
        plain = decoder.decompress(data)
    except UNDECODABLE:
        return None
    return plain if getattr(decoder, "eof", True) and not getattr(decoder, "unused_data", b"") else None
