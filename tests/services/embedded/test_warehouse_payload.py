import gzip
import zlib

import lz4.frame
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from services.embedded.warehouse.payload import BadPayload, decompressed

COMPRESS = {
    "lz4": lz4.frame.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
}


@given(encoding=st.sampled_from(sorted(COMPRESS)), frames=st.lists(st.binary(max_size=2000), min_size=1, max_size=6))
def test_every_frame_of_a_body_is_decoded(encoding: str, frames: list[bytes]) -> None:
    body = b"".join(COMPRESS[encoding](frame) for frame in frames)
    assert decompressed(body, encoding) == b"".join(frames)


@pytest.mark.parametrize("encoding", sorted(COMPRESS))
def test_a_body_that_ends_inside_a_frame_is_refused(encoding: str) -> None:
    body = COMPRESS[encoding](b"first" * 100) + COMPRESS[encoding](b"second" * 100)[:-3]
    with pytest.raises(BadPayload):
        decompressed(body, encoding)


@pytest.mark.parametrize("encoding", sorted(COMPRESS))
def test_rubbish_is_refused(encoding: str) -> None:
    with pytest.raises(BadPayload):
        decompressed(b"this is not compressed at all", encoding)


@pytest.mark.parametrize("encoding", sorted(COMPRESS))
def test_content_is_bounded(encoding: str) -> None:
    with pytest.raises(BadPayload, match="larger than 1000 bytes"):
        decompressed(COMPRESS[encoding](b"x" * 100_000), encoding, limit=1000)


def test_an_unknown_encoding_is_refused_by_name() -> None:
    with pytest.raises(BadPayload, match="'br'"):
        decompressed(b"x", "br")


def test_an_uncompressed_body_stays_as_it_is() -> None:
    assert decompressed(b"SELECT 1", "") == b"SELECT 1"
