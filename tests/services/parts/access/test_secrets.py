"""Secrets: made, found in headers, told from those of others."""

import re

import pytest

from services.parts.access.secrets import ID_CHARACTERS, digest_of, is_ours, new_secret, secret_in

KEY = b"dl_abcdefghij" + b"s" * 43


def test_a_secret_has_its_public_id_in_front_and_256_random_bits_behind() -> None:
    key_id, secret = new_secret()
    assert re.fullmatch(r"dl_[a-z0-9]{10}[\w-]{43}", secret)
    assert secret[3 : 3 + ID_CHARACTERS] == key_id
    assert len({new_secret()[1] for _ in range(50)}) == 50


def test_a_digest_tells_nothing_of_its_secret() -> None:
    digest = digest_of(KEY)
    assert re.fullmatch("[0-9a-f]{64}", digest)
    assert digest != digest_of(KEY[:-1])


@pytest.mark.parametrize(
    "header",
    [
        (b"authorization", b"Bearer " + KEY),
        (b"authorization", b"bearer " + KEY),
        (b"authorization", KEY),
        (b"api-key", KEY),
        (b"x-api-key", KEY),
    ],
)
def test_a_key_is_found_in_each_header_that_carries_keys(header: tuple[bytes, bytes]) -> None:
    assert secret_in([(b"host", b"x"), header]) == KEY
    assert is_ours(header[1])


def test_a_key_of_ours_is_found_beside_one_of_an_upstream() -> None:
    assert secret_in([(b"authorization", b"Bearer sk-1234"), (b"x-api-key", KEY)]) == KEY


def test_what_is_no_key_of_ours_is_told_from_nothing() -> None:
    assert secret_in([(b"authorization", b"Bearer sk-1234")]) == b""
    assert secret_in([(b"x-other", KEY)]) is None
    assert not is_ours(b"Bearer sk-dl_1234")
