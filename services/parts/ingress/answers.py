"""Answers of our own, with headers that keep browsers from misreading them; an upstream's answers stay as they are."""

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

NOSNIFF = (b"x-content-type-options", b"nosniff")
NO_STORE = (b"cache-control", b"no-store")
_ONLY_TLS = (b"strict-transport-security", b"max-age=31536000")


class OwnAnswer(Response):
    """An answer that no upstream wrote."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        self.raw_headers.extend(protecting(self.status_code, scope.get("scheme", "http")))
        await super().__call__(scope, receive, send)


def protecting(status: int, scheme: str) -> list[tuple[bytes, bytes]]:
    """Return the headers of an answer of ours; errors may not be kept by caches."""
    headers = [NOSNIFF]
    if status >= 400:
        headers.append(NO_STORE)
    if scheme == "https":
        headers.append(_ONLY_TLS)
    return headers
