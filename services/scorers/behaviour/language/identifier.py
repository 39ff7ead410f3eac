"""Which language a text is in: py3langid, a naive Bayes over byte n-grams (Lui and Baldwin 2011) for 140 languages."""

from functools import lru_cache

import py3langid.langid as langid

from services.scorers.behaviour.texts import cut, prose

VERSION = "py3langid-0.4.0"
MOST_CHARACTERS = 400
LEAST_LETTERS = 3
ENGLISH = "en"
SURE = 0.5
# Languages that a few words can't tell apart, or whose speakers read each other: one group.
_GROUPS = (
    ("hr", "bs", "sr"),
    ("no", "nn", "da"),
    ("id", "ms"),
    ("zh", "wuu", "yue"),
    ("cs", "sk"),
    ("pt", "gl"),
    ("ar", "arz", "ary"),
)
_GROUP = {language: group[0] for group in _GROUPS for language in group}


class Identifier:
    """Tells languages, and remembers whom it told last: several scorers ask for the same text. Thread-safe."""

    def __init__(self) -> None:
        self._model = langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)
        self.languages: tuple[str, ...] = tuple(sorted(self._model.labels))
        self._told = lru_cache(1_024)(self._tell)

    def likely(self, text: str) -> dict[str, float]:
        """Return the probability of each language, of the text's first 400 characters without code.

        Empty where there are no letters to tell by.
        """
        return self._told(prose(cut(text, MOST_CHARACTERS)))

    def language(self, text: str) -> tuple[str, float]:
        """Return the likeliest language (ISO 639) and its probability; no language and 0 where nothing tells."""
        likely = self.likely(text)
        return max(likely.items(), key=lambda one: one[1]) if likely else ("", 0.0)

    def may_be_english(self, text: str) -> bool:
        """Return whether a text is English as far as anybody can tell: few words of plain ASCII tell nothing."""
        likely = self.likely(text)
        best = max(likely.values(), default=0.0)
        return likely.get(ENGLISH, 0.0) >= SURE or (best < SURE and text.isascii())

    def _tell(self, text: str) -> dict[str, float]:
        if sum(map(str.isalpha, text)) < LEAST_LETTERS:
            return {}
        return dict(self._model.rank(text))


def group_of(language: str) -> str:
    """Return the name of the group of languages that are taken for one.

    Example:
        >>> group_of("bs") == group_of("hr")
        True
    """
    return _GROUP.get(language, language)
