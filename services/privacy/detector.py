"""Where something private stands in a text, of the kinds that are asked for. Pure.

The whole text is read, as it stands and with its escapes undone, twice at most (JSON in JSON). What is found
in one of these readings is found. The time is linear in the text.
"""

from collections import Counter
from collections.abc import Collection

from schemas.privacy import KINDS
from services.privacy.patterns.contacts import CONTACTS
from services.privacy.patterns.credentials import SECRETS
from services.privacy.patterns.identities import IDENTITIES
from services.privacy.patterns.numbers import find_numbers
from services.privacy.patterns.panel import Panel
from services.privacy.patterns.places import PLACES, find_streets
from services.privacy.patterns.reading import Text
from services.privacy.patterns.rules import Rule
from services.privacy.spans import Span, merged
from services.privacy.views import View, alike, view_of

# Changes whenever what is found in some text does.
VERSION = "1"
RULES: tuple[Rule, ...] = (*SECRETS, *CONTACTS, *IDENTITIES, *PLACES)
_READINGS = 2


class Detector:
    """Finds some kinds; without any given, all.

    Example:
        >>> Detector().find("write to jane@example.com or 10.1.2.33")
        (Span(start=9, end=25, kind='EMAIL'), Span(start=29, end=38, kind='IP_ADDRESS'))
    """

    def __init__(self, kinds: Collection[str] = ()) -> None:
        self._kinds = frozenset(kinds or KINDS)
        self._panel = Panel([rule for rule in RULES if rule.kind in self._kinds])

    def find(self, text: str) -> tuple[Span, ...]:
        """Return what stands in a text, in its order, no two overlapping."""
        found = self._read(text)
        views: list[View] = []
        reading = text
        while len(views) < _READINGS and (view := view_of(reading)) is not None:
            views.append(view)
            reading = view.text
            found += (_back(span, views) for span in self._read(reading) if view.is_whole(span))
        return merged(found)

    def counts(self, text: str) -> dict[str, int]:
        """Return how often each kind stands in a text; kinds that don't are left out."""
        return dict(Counter(span.kind for span in self.find(text)))

    def _read(self, text: str) -> list[Span]:
        read = Text.of(alike(text))
        found = self._panel.find(read)
        if read.has_digits:
            found += [span for find in (find_numbers, find_streets) for span in find(read) if span.kind in self._kinds]
        return found


def _back(span: Span, views: list[View]) -> Span:
    for view in reversed(views):
        span = view.back(span)
    return span
