"""Parts of a data set by language, length and kind: a figure over all hides where a scorer fails."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cache
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from services.scorers.evaluation.examples import Labelled

SlicedBy = Literal["language", "length", "kind"]
Places = npt.NDArray[np.intp]

LEAST = 30
"""Examples that a slice needs to be told."""
MOST_KINDS = 40
SHORTEST_GUESSED = 16
GUESSED_FROM = 2_000

_LENGTHS: Final = ((16, "up to 16"), (80, "17 to 80"), (400, "81 to 400"), (2_000, "401 to 2000"))
_LONGEST = "over 2000"
# Of a hundred more it finds some where they are not: a line of English looks Afrikaans, one of code Icelandic.
_LANGUAGES: Final = (
    *("ar", "bg", "cs", "da", "de", "el", "en", "es", "fa", "fi", "fr", "he", "hi", "hu", "id", "it", "ja", "ko"),
    *("nl", "no", "pl", "pt", "ro", "ru", "sv", "th", "tr", "uk", "vi", "zh"),
)


def slices_of(examples: Sequence[Labelled], *, least: int = LEAST) -> dict[tuple[SlicedBy, str], Places]:
    """Return the places of each slice's examples; slices of fewer than `least` are left out, and those of all.

    Kinds are told when there are at most MOST_KINDS: more are no kinds.
    """
    found: dict[tuple[SlicedBy, str], list[int]] = defaultdict(list)
    for place, example in enumerate(examples):
        found["language", language_of(example)].append(place)
        found["length", length_of(example.text)].append(place)
        if example.kind:
            found["kind", example.kind].append(place)
    kinds = sum(1 for by, _ in found if by == "kind")
    return {
        (by, name): np.array(places, np.intp)
        for (by, name), places in sorted(found.items())
        if least <= len(places) < len(examples) and not (by == "kind" and kinds > MOST_KINDS)
    }


def length_of(text: str) -> str:
    """Return the class of a text by its characters.

    Example:
        >>> length_of("hello"), length_of("x" * 81)
        ('up to 16', '81 to 400')
    """
    return next((name for most, name in _LENGTHS if len(text) <= most), _LONGEST)


def language_of(example: Labelled) -> str:
    """Return the language that the data says, else a guess; "short" for a text that allows none."""
    text = example.text.strip()
    if example.language:
        return example.language
    # A few characters of an alphabet of its own say more than a few Latin ones.
    if len(text) < SHORTEST_GUESSED and text.isascii():
        return "short"
    return _guess(text[:GUESSED_FROM])


def _guess(text: str) -> str:
    return _classifier()(text.encode(errors="replace").decode())[0]


@cache
def _classifier() -> Callable[[str], tuple[str, float]]:
    """Return py3langid's model (Lui and Baldwin 2012) over the languages above; loading it takes a second."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    identifier.set_languages(list(_LANGUAGES))
    classify: Callable[[str], tuple[str, float]] = identifier.classify
    return classify
