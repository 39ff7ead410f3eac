"""Secrets: how one is made, told from anything else, found in a request's headers, and hashed.

`dl_`, then ten characters that are public, then 43 that stand for 256 random bits.
"""

import hashlib
import secrets
import string
from collections.abc import Iterable

PREFIX = "dl_"
ID_CHARACTERS = 10
_ALPHABET = string.ascii_lowercase + string.digits
_SECRET_BYTES = 32
_PREFIX = PREFIX.encode()
KEY_HEADERS = frozenset({b"authorization", b"api-key", b"x-api-key"})

Headers = Iterable[tuple[bytes, bytes]]


def new_secret() -> tuple[str, str]:
    """Return a key's public id and its secret, which begins with it."""
    key_id = "".join(secrets.choice(_ALPHABET) for _ in range(ID_CHARACTERS))
    return key_id, f"{PREFIX}{key_id}{secrets.token_urlsafe(_SECRET_BYTES)}"


def digest_of(secret: bytes) -> str:
    """Return the hash under which a key is kept.

    Keys are found by it in a dictionary. How long that takes depends on the hash, which nobody can choose without
    knowing the secret, so it tells a guesser nothing; there is no comparison with a secret that time could leak.
    """
    return hashlib.sha256(secret).hexdigest()


def is_ours(value: bytes) -> bool:
    """Return whether a header's value holds a key of ours, good or bad: such a one goes to nobody else."""
    return value.rpartition(b" ")[2].startswith(_PREFIX)


def secret_in(headers: Headers) -> bytes | None:
    """Return the first key of ours in the headers that carry keys; b"" if they hold others only, None if nothing."""
    found: bytes | None = None
    for name, value in headers:
        if name in KEY_HEADERS:
            if is_ours(value):
                return value.rpartition(b" ")[2]
            found = b""
    return found
