"""Which language a text is in: py3langid, a naive Bayes over byte n-grams (Lui and Baldwin 2011) for 140 languages."""

from functools import lru_cache

import py3langid.langid as langid

from services.scorers.behaviour.texts import cut, prose

VERSION = "py3langid-0.4.0"
MOST_CHARACTERS = 200
_CODES = """
    ace af am an ar ary arz as az ba bcl be bg bn br bs ca crh cs cy da de dz el en eo es et eu ext fa fi fo
    fr fuv fy ga gcf gcr gd gl gom grc gu gug guw ha hbo he hi hr ht hu hy id ig is it ja jv ka kab kik kk km
    kn ko ku ky la lb lg lij ln lo lt ltg lv mg mk ml mn mr ms mt my ne nl nn no nso oc om or pa pcm pl ps pt
    qu ro ru rw sa sdh se si sk sl sn so sq sr st sv sw ta te tg th tk tl tr tt ug uk ur uz uzs vec vi vo wa
    wuu xh yo yue zh zu zxx
"""
LANGUAGES = tuple(_CODES.split())
"""What the model tells apart, by ISO 639; zxx is what is no language."""
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
        self._told = lru_cache(1_024)(self._tell)

    def language(self, text: str) -> tuple[str, float]:
        """Return the likeliest language (ISO 639) of a text and its probability; no language and 0 where nothing tells.

        It goes by the first 200 characters, without code.
        """
        return self._told(prose(cut(text, MOST_CHARACTERS)))

    def may_be_english(self, text: str) -> bool:
        """Return whether a text is English as far as anybody can tell: few words of plain ASCII tell nothing."""
        language, sure = self.language(text)
        return language == ENGLISH if sure >= SURE else text.isascii()

    def _tell(self, text: str) -> tuple[str, float]:
        if sum(map(str.isalpha, text)) < LEAST_LETTERS:
            return "", 0.0
        language, sure = self._model.classify(text)
        return str(language), float(sure)


def group_of(language: str) -> str:
    """Return the name of the group of languages that are taken for one.

    Example:
        >>> group_of("bs") == group_of("hr")
        True
    """
    return _GROUP.get(language, language)
