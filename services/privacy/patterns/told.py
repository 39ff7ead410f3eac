"""Whether a number is named near where it stands. Made once a text: where a kind's words are is asked once. Pure."""

import re
from bisect import bisect_left

from services.privacy.patterns.reading import AFTER, BEFORE, Text
from services.privacy.patterns.rules import places


class Told:
    """The words of one text that name numbers.

    A text of nothing but numbers would otherwise have its surroundings searched for every kind that each of
    them may be, which is most of what such a text costs.
    """

    def __init__(self, text: Text) -> None:
        self._text = text
        self._plain = text.lower.replace("_", " ").replace("-", " ")
        self._places: dict[tuple[str, ...], list[int]] = {}

    def named(self, words: tuple[str, ...], pattern: re.Pattern[str], start: int, end: int) -> bool:
        """Whether one of some words stands near a place; `pattern` is `one_of` them."""
        found = self._places.get(words)
        if found is None:
            found = self._places[words] = sorted({at for word in words for at in places(word, self._plain)})
        at = bisect_left(found, start - BEFORE)
        near = at < len(found) and found[at] < end + AFTER
        return near and pattern.search(self._text.around(start, end)) is not None
