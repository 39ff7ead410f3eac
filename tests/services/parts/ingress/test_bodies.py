"""gzip bodies: every member is read, nothing else passes for one, and the bound holds over all of them."""

import gzip

import pytest

from services.parts.ingress.bodies import unzipped
from services.parts.ingress.errors import Refusal

ONE, TWO, EMPTY = gzip.compress(b"one\n"), gzip.compress(b"two\n"), gzip.compress(b"")


def refusal(body: bytes, limit: int = 1000) -> int:
    with pytest.raises(Refusal) as caught:
        unzipped(body, limit)
    return caught.value.status


@pytest.mark.parametrize(
    ("body", "expected"),
    [(ONE, b"one\n"), (ONE + TWO, b"one\ntwo\n"), (EMPTY + ONE, b"one\n"), (ONE + EMPTY + TWO + EMPTY, b"one\ntwo\n")],
    ids=["one", "two", "an empty one first", "empty ones between"],
)
def test_all_members_of_a_gzip_body_are_read(body: bytes, expected: bytes) -> None:
    assert unzipped(body, 1000) == expected


@pytest.mark.parametrize(
    "body",
    [b"", b"plain", ONE + b"garbage", ONE + TWO[:-3], ONE[:-3], ONE + TWO[:5], b"\0" * 20, ONE[:12] + b"\xff" * 20],
    ids=["nothing", "plain", "garbage behind", "second cut", "cut", "header cut", "zeros", "damaged"],
)
def test_a_body_that_is_not_gzip_from_end_to_end_is_refused(body: bytes) -> None:
    assert refusal(body) == 400


def test_the_bound_holds_over_all_members_together() -> None:
    assert unzipped(gzip.compress(b"x" * 500) * 2, 1000) == b"x" * 1000
    assert refusal(gzip.compress(b"x" * 500) * 2 + ONE) == 413
    assert refusal(gzip.compress(b"\0" * 50_000_000)) == 413


def test_a_body_of_very_many_members_takes_no_more_than_its_length() -> None:
    assert unzipped(ONE * 50_000, 1_000_000) == b"one\n" * 50_000
