"""Where something private stands in a text. Pure."""

from collections.abc import Callable, Iterable
from typing import NamedTuple


class Span(NamedTuple):
    """text[start:end] is of a kind (schemas.privacy.KINDS)."""

    start: int
    end: int
    kind: str


# What a value is by its looks or the word before it; another rule that knows it knows it better.
_VAGUE = frozenset(
    {"PHONE", "PASSWORD", "API_KEY", "AUTH_HEADER", "SESSION_TOKEN", "BANK_ACCOUNT", "MEDICAL_RECORD", "PASSPORT"}
)


def merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return spans in their order, no two overlapping: where some do, one covers them all, so that no end is left.

    Its kind is that of the longest which isn't vague, or of the longest.
    """
    kept: list[Span] = []
    best = (False, 0)
    for span in sorted(spans):
        rank = (span.kind not in _VAGUE, span.end - span.start)
        if not kept or span.start >= kept[-1].end:
            kept.append(span)
            best = rank
            continue
        last = kept[-1]
        kind = span.kind if rank > best else last.kind
        kept[-1], best = Span(last.start, max(last.end, span.end), kind), max(rank, best)
    return tuple(kept)


def replaced(text: str, spans: Iterable[Span], mark: Callable[[str, str], str]) -> str:
    """Return a text with a mark in place of each span.

    Args:
        spans: In their order, no two overlapping.
        mark: Given a span's kind and its text.
    """
    parts: list[str] = []
    at = 0
    for start, end, kind in spans:
        parts += (text[at:start], mark(kind, text[start:end]))
        at = end
    return "".join((*parts, text[at:])) if at else text
