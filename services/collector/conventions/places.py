"""Which answer a span tells of, and where its call went: what ties it to other records of the same call. Pure."""

from urllib.parse import urlsplit

from services.collector.conventions.attributes import NAME_LENGTH, decoded, first, text, whole
from services.collector.otlp.spans import Span

_ANSWER = ("gen_ai.response.id", "llm.response.id")
_OUTPUT = "output.value"
_BASE_URL = ("gen_ai.openai.api_base", "llm.openai.api_base")
_HOST, _PORT = ("server.address", "net.peer.name"), ("server.port", "net.peer.port")
_HERE = "127.0.0.1"
_LOOPBACK = frozenset({"localhost", "::1", "0.0.0.0"})  # noqa: S104  # compared, not bound

Place = tuple[str, int]
"""A host and a port; all names of this machine's loopback are one host."""


def answer_id(span: Span) -> str:
    """Return the id that the client saw in the answer; empty where nobody says, or it is too long for one.

    OpenInference has it only within the answer's JSON.
    """
    told = text(span.attributes, _ANSWER)
    written = span.attributes.get(_OUTPUT)
    if not told and isinstance(written, str) and written.startswith("{"):
        found, _ = decoded(written)
        inner = found.get("id") if isinstance(found, dict) else None
        told = inner if isinstance(inner, str) else ""
    return told if len(told) <= NAME_LENGTH else ""


def sent_to(span: Span) -> Place | None:
    """Return where a call went; None where nobody says."""
    if base_url := text(span.attributes, _BASE_URL):
        return place_in(base_url)
    host, port = text(span.attributes, _HOST), whole(first(span.attributes, _PORT))
    return _place(host, port) if host and port else None


def place_in(url: str) -> Place | None:
    """Return the host and port of a URL; None where it has none."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None
    return _place(parts.hostname, port) if parts.hostname and port else None


def _place(host: str, port: int) -> Place:
    return (_HERE if host.lower() in _LOOPBACK else host.lower(), port)
