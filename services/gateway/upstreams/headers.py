"""Headers both ways: all of them pass but those of one connection, and the app's own credentials go on top. Pure."""

import re
from collections.abc import Callable, Iterable
from urllib.parse import quote

import msgspec

from schemas.learning import Route
from services.parts.access.secrets import KEY_HEADERS, is_ours
from services.parts.credentials import Credentials

Raw = Iterable[tuple[bytes, bytes]]
Pairs = list[tuple[bytes, bytes]]

# RFC 9110 7.6.1, and what tells of bytes that are written anew: lengths and encodings.
_HOP_BY_HOP = {
    b"connection",
    b"content-encoding",
    b"content-length",
    b"expect",
    b"keep-alive",
    b"proxy-authenticate",
    b"proxy-authorization",
    b"proxy-connection",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
}
_NOT_OUT = _HOP_BY_HOP | {b"host", b"accept-encoding"}
_SPECIAL = _NOT_OUT | KEY_HEADERS
_NOT_IN = _HOP_BY_HOP | {b"date", b"server"}
_NOT_IN_ENCODED = _NOT_IN - {b"content-encoding"}
_SECRET = re.compile("auth|key|token|secret|cookie")
_SHORTEST_SECRET = 8


class Outbound(msgspec.Struct, frozen=True):
    """Where a call goes and with which headers.

    Attributes:
        path: With `{model}` where Azure's paths name the deployment.
        query: As it came, without the question mark.
        own: Names of headers that carry the app's credentials, not the client's.
    """

    path: str
    query: str = ""
    headers: Pairs = []
    own: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        # Headers hold credentials.
        return f"Outbound({self.path!r})"

    def target(self, model: str) -> str:
        """Return path and query for an upstream that calls the version `model`."""
        path = self.path.replace("{model}", quote(model, safe="")) if "{" in self.path else self.path
        return f"{path}?{self.query}" if self.query else path

    def without_secrets(self, text: str) -> str:
        """Return a text in which no credential of this call stands."""
        for secret in self._secrets(lambda name: name in self.own or _SECRET.search(name) is not None):
            text = text.replace(secret.decode("utf-8", "replace"), "***")
        return text

    def without_own_secrets(self, data: bytes) -> bytes:
        """Return an error for the client in which no credential stands that it does not have itself."""
        for secret in self._secrets(self.own.__contains__):
            data = data.replace(secret, b"***")
        return data

    def _secrets(self, is_one: Callable[[str], bool]) -> list[bytes]:
        values = (value.rpartition(b" ")[2] for name, value in self.headers if is_one(name.decode("latin-1")))
        return [value for value in values if len(value) >= _SHORTEST_SECRET]


def outbound_headers(raw: Raw, credentials: Credentials, *, azure: bool) -> Pairs:
    """Return a client's headers for the upstream, with the app's credentials on top and without a key of driftloop.

    A key of the app's goes where Azure's paths, or the client's own key, say that keys are told.
    """
    pairs = [pair for pair in raw if pair[0] not in _SPECIAL or _goes_out(*pair)]
    if named := _named_by_connection(raw):
        pairs = [pair for pair in pairs if pair[0] not in named]
    if credentials.key:
        told = azure or any(name == b"api-key" for name, _ in raw)
        key = credentials.key.encode()
        pairs = [pair for pair in pairs if pair[0] not in KEY_HEADERS]
        pairs.append((b"api-key", key) if told else (b"authorization", b"Bearer " + key))
    if credentials.headers:
        own = [(name.encode(), value.encode()) for name, value in credentials.headers]
        set_anew = {name for name, _ in own}
        pairs = [*(pair for pair in pairs if pair[0] not in set_anew), *own]
    return pairs


def _goes_out(name: bytes, value: bytes) -> bool:
    return name in KEY_HEADERS and not is_ours(value)


def inbound_headers(raw: Raw, *, encoded: bool = False) -> list[tuple[bytes, bytes]]:
    """Return an upstream's headers for the client, names in lower case on both sides.

    `encoded` if the body goes on in the encoding it came in.
    """
    left_out = _NOT_IN_ENCODED if encoded else _NOT_IN
    pairs = [pair for pair in raw if pair[0] not in left_out]
    named = _named_by_connection(raw)
    return [pair for pair in pairs if pair[0] not in named] if named else pairs


def route_headers(route: Route, request_id: str) -> list[tuple[bytes, bytes]]:
    """Return what we tell of a call: which version answered, and the id for feedback."""
    return [
        (b"x-driftloop-adapter-version", route.adapter_version.encode()),
        (b"x-driftloop-variant", route.variant.encode()),
        (b"x-driftloop-request-id", request_id.encode()),
    ]


def _named_by_connection(raw: Raw) -> frozenset[bytes]:
    for name, value in raw:
        if name == b"connection" and value.lower() not in (b"keep-alive", b"close"):
            return frozenset(part.strip().lower() for part in value.split(b","))
    return frozenset()
