"""Texts to what scorers look at: words, sentences, prose without code. Pure, linear, and total for any text.

Scripts that put no spaces between words (Han, Kana, Thai, Lao, Khmer, Burmese) have a sign for a word.
"""

import re
from collections import OrderedDict
from threading import Lock

MOST_CHARACTERS = 8_000
"""What stands behind is not looked at, so that one long text can't hold up a batch."""
MOST_KEPT = 200_000
"""Characters of the texts whose words are at hand."""
_LONE = re.compile("[\ud800-\udfff]")
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_UNSPACED_SIGN = re.compile(f"[{_UNSPACED}]")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_BREAK = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+|(?<=[。！？｡])|\s*\n\s*")
_FENCE = "```"


def mended(text: str) -> str:
    """Return a text with lone surrogates replaced by U+FFFD; no library takes them."""
    if text.isascii():
        return text
    return _LONE.sub("\ufffd", text)


def cut(text: str, most: int = MOST_CHARACTERS) -> str:
    """Return the beginning of a text, mended."""
    return mended(text[:most])


def prose(text: str) -> str:
    """Return a text without its fenced blocks of code."""
    return " ".join(text.split(_FENCE)[::2]) if _FENCE in text else text


class Words:
    """Words of texts, those of the last ones at hand: several scorers look at a text. For any thread.

    Args:
        characters: Of all texts that are kept; a word takes up to a hundred bytes where it is a sign.
    """

    def __init__(self, characters: int) -> None:
        self._most = characters
        self._known: OrderedDict[str, tuple[str, ...]] = OrderedDict()
        self._held = 0
        self._lock = Lock()

    @property
    def held(self) -> int:
        """Characters of the texts that are kept."""
        return self._held

    def of(self, text: str) -> tuple[str, ...]:
        """Return the words of a text."""
        found = self._known.get(text)
        if found is None:
            found = _words(text)
            self._keep(text, found)
        return found

    def _keep(self, text: str, found: tuple[str, ...]) -> None:
        with self._lock:
            if text not in self._known and len(text) <= self._most:
                self._known[text] = found
                self._held += len(text)
            while self._held > self._most:
                self._held -= len(self._known.popitem(last=False)[0])


_KEPT = Words(MOST_KEPT)


def words(text: str) -> tuple[str, ...]:
    """Return the words of a text in lower case, in order.

    Example:
        >>> words("It's 3 o'clock.")
        ("it's", '3', "o'clock")
        >>> words("你好 world")
        ('你', '好', 'world')
    """
    return _KEPT.of(text)


def _words(text: str) -> tuple[str, ...]:
    spaced = text if text.isascii() else _UNSPACED_SIGN.sub(r" \g<0> ", text)
    return tuple(_WORD.findall(spaced.lower()))


def sentences(text: str) -> list[str]:
    """Return the sentences of a text; a line's end ends one, a point within a number does not.

    Example:
        >>> sentences("It costs 3.5 EUR. Really? 是的。好")
        ['It costs 3.5 EUR.', 'Really?', '是的。', '好']
    """
    return [piece for part in _BREAK.split(text) if (piece := part.strip())]


def unspaced_share(text: str) -> float:
    """Return the share of signs that are of a script without spaces between words."""
    return 0.0 if not text or text.isascii() else len(_UNSPACED_SIGN.findall(text)) / len(text)
