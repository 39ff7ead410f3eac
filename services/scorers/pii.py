"""Personal data and secrets in texts: counted in traffic, masked in training data.

The finding is services.privacy's. What was found before a call was masked travels with its event; a text without such
an account is counted by its marks, as well as by what still stands in it.
"""

import re
from collections import Counter
from collections.abc import Collection
from functools import cache

from schemas.privacy import KINDS
from services.privacy.detector import VERSION, Detector
from services.privacy.spans import Span

SCORER = f"privacy-patterns@{VERSION}"
# As services.privacy.policies writes them: the kind, under `hash` with key and pseudonym.
_MARK = re.compile(rf"\[({'|'.join(map(re.escape, KINDS))})(?::[0-9]+\.[0-9a-f]{{16}})?\]")


def counts_by_kind(text: str) -> dict[str, int]:
    """Return how often each kind (schemas.privacy.KINDS) stands in a text, or its mark does.

    Example:
        >>> counts_by_kind("write to jane@example.com, not to [EMAIL] or 10.1.2.33")
        {'EMAIL': 2, 'IP_ADDRESS': 1}
    """
    found = Counter(span.kind for span in find_entities(text))
    found.update(match[1] for match in _MARK.finditer(text))
    return dict(sorted(found.items()))


def count_entities(text: str) -> int:
    """Return how many entities of personal data, and marks of such, stand in a text.

    Example:
        >>> count_entities("write to jane@example.com or 10.1.2.33")
        2
    """
    return sum(counts_by_kind(text).values())


def count_besides(text: str, kinds: Collection[str]) -> int:
    """Return how many entities of other kinds stand in a text.

    Example:
        >>> count_besides("write to jane@example.com or 10.1.2.33", ("EMAIL",))
        1
    """
    return sum(span.kind not in kinds for span in find_entities(text))


def mask(text: str) -> tuple[str, int]:
    """Return the text with each entity replaced by [ITS_KIND], and how many there were; marks stay as they are.

    Example:
        >>> mask("write to jane@example.com")
        ('write to [EMAIL]', 1)
    """
    spans = find_entities(text)
    parts: list[str] = []
    at = 0
    for start, end, kind in spans:
        parts += (text[at:start], f"[{kind}]")
        at = end
    return "".join((*parts, text[at:])), len(spans)


def find_entities(text: str) -> tuple[Span, ...]:
    """Return the entities of a text in its order, no two overlapping."""
    return _detector().find(text)


@cache
def _detector() -> Detector:
    return Detector()
