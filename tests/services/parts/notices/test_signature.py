from hypothesis import given
from hypothesis import strategies as st

from services.parts.notices.signature import TOLERANCE_S, signed, verified


def test_header_is_the_hmac_over_time_and_body() -> None:
    # python -c "import hmac; print(hmac.new(b'key', b'1700000000.{}', 'sha256').hexdigest())"
    digest = "9d713ed406bb7076d4123f0dc2c39d2df5c654ed4b0cd56b52c8b4c940bd63ae"
    assert signed("key", 1700000000, b"{}") == f"t=1700000000,v1={digest}"


@given(secret=st.text(min_size=1), body=st.binary(), now=st.integers(0, 2**33))
def test_what_is_signed_verifies(secret: str, body: bytes, now: int) -> None:
    assert verified(secret, signed(secret, now, body), body, now)


@given(body=st.binary(), other=st.binary())
def test_another_body_secret_or_time_does_not(body: bytes, other: bytes) -> None:
    header = signed("secret", 1000, body)
    assert body == other or not verified("secret", header, other, 1000)
    assert not verified("another", header, body, 1000)
    assert not verified("secret", header, body, 1000 + TOLERANCE_S + 1)
    assert not verified("secret", header.replace("t=1000", "t=1001"), body, 1000)


@given(st.text())
def test_nonsense_in_the_header_is_no_signature(header: str) -> None:
    assert not verified("secret", header, b"", 0)
