import ssl

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.parts.addresses import origin, shown, unreached


@pytest.mark.parametrize(
    ("address", "as_shown"),
    [
        ("http://me:secret@db:8123/x?password=secret#secret", "http://db:8123/x"),
        ("http://user@[::1]:8123", "http://[::1]:8123"),
        ("sqlite:////var/lib/control.db", "sqlite:////var/lib/control.db"),
        ("/var/lib/artifacts", "/var/lib/artifacts"),
        ("http://[::1/secret", "(an address that can't be read)"),
    ],
)
def test_an_address_is_shown_without_credentials(address: str, as_shown: str) -> None:
    assert shown(address) == as_shown


_WORD = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_.~", min_size=1)


@given(
    user=_WORD, secret=_WORD.map(lambda word: f"5ecret-{word}"), scheme=st.sampled_from(["http", "postgresql+psycopg"])
)
def test_no_password_is_ever_shown(user: str, secret: str, scheme: str) -> None:
    address = f"{scheme}://{user}:{secret}@host:1/name?key={secret}"
    assert secret not in shown(address) + origin(address)


def test_of_a_webhook_the_host_alone_is_shown() -> None:
    assert origin("https://me:secret@hooks.example.org/services/T0/B1/secret") == "https://hooks.example.org"
    assert origin("not a url") == "(an address that can't be read)"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1:9", "connection refused"),
        ("http://nowhere.invalid", "unknown host"),
        ("ftp://127.0.0.1", "not an http:// or https:// address"),
    ],
)
def test_why_a_call_got_no_answer_is_said_in_words(url: str, why: str) -> None:
    with pytest.raises(httpx.HTTPError) as caught:
        httpx.get(url, trust_env=False)
    assert unreached(caught.value) == why


def test_causes_tell_more_than_the_error_they_led_to() -> None:
    error = httpx.ConnectError("failed")
    error.__cause__ = ssl.SSLCertVerificationError("self-signed")
    assert unreached(error) == "its certificate is not trusted"
    assert unreached(httpx.ReadTimeout("slow")) == "no answer in time"
    assert unreached(httpx.RemoteProtocolError("http://me:secret@host")) == "RemoteProtocolError"
