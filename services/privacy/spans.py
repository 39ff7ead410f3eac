"""Where something private stands in a text. Pure."""

from collections.abc import Iterable
from typing import NamedTuple


class Span(NamedTuple):
    """text[start:end] is of a kind (schemas.privacy.KINDS)."""

    start: int
    end: int
    kind: str


def merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return spans in their order, no two overlapping: where some do, one covers them all, of the longest's kind.

    So that no end of a value is left when another was found in the rest of it.
    """
    kept: list[Span] = []
    longest = 0
    for span in sorted(spans):
        length = span.end - span.start
        if not kept or span.start >= kept[-1].end:
            kept.append(span)
            longest = length
            continue
        last = kept[-1]
        kind = span.kind if length > longest else last.kind
        kept[-1], longest = Span(last.start, max(last.end, span.end), kind), max(longest, length)
    return tuple(kept)
