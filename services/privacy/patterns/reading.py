"""A text as rules read it: made once a text, in one pass each. Pure."""

import re
from typing import Literal, NamedTuple

BEFORE, AFTER = 48, 24
_LONGEST_WORD = 40
_DIGITS = re.compile("[0-9]+")
_SIGNS = "+(-[〒"
_BEFORE_A_WORD = f" {_SIGNS}"
_LONG_NUMBER, _LONG_WORD = 6, 16
_WORD = re.compile("[A-Za-z0-9]*+")
Begin = Literal["digit", "letter", "sign", "long_digit", "long_letter"]


class Starts(NamedTuple):
    """Where words with figures begin, by what they begin with; a sign stands before one, a short word may too.

    The long ones, of six characters and more, stand in two of the lists.
    """

    digit: list[int]
    letter: list[int]
    sign: list[int]
    long_digit: list[int]
    long_letter: list[int]

    @classmethod
    def of(cls, text: str) -> "Starts":
        """Return the starts in a text. Words are ASCII letters and digits; one whose figures come late has none."""
        starts, end = cls([], [], [], [], []), 0
        for run in _DIGITS.finditer(text):
            at, stop = run.span()
            if at < end:
                continue
            if at and text[at - 1].isalnum():
                at, stop = _word_around(text, at)
            elif text[stop : stop + 1].isalnum():
                stop = _word_around(text, at)[1]
            end = stop
            if at >= 0:
                starts._add(text, at, end - at)
        return starts

    def _add(self, text: str, at: int, length: int) -> None:
        first_is_digit = text[at].isdigit()
        (self.digit if first_is_digit else self.letter).append(at)
        if length >= _LONG_NUMBER:
            (self.long_digit if first_is_digit else self.long_letter).append(at)
        if not at or (before := text[at - 1]) not in _BEFORE_A_WORD:
            return
        earlier = text[max(0, at - 2) : at - 1]
        if before in _SIGNS:
            self.sign.append(at - 1)
            if earlier and earlier in _SIGNS:
                self.sign.append(at - 2)
        elif before == " " and earlier == "+":
            self.sign.append(at - 2)
        if before in " -" and earlier.isalpha():
            self.letter.append(at - (3 if text[max(0, at - 3) : at - 2].isalpha() else 2))


def _word_around(text: str, digit: int) -> tuple[int, int]:
    """Return where the word begins that a digit stands in, -1 if that is far before it, and where the word ends."""
    at, least = digit, max(0, digit - _LONGEST_WORD)
    while at > least and text[at - 1].isalnum() and text[at - 1].isascii():
        at -= 1
    word = _WORD.match(text, at)
    return at if at > least or at == 0 else -1, word.end() if word else digit


class Text(NamedTuple):
    """A text as rules read it.

    Attributes:
        lower: Of the same length.
        long_words: The words of sixteen characters and more, in lower case.
        longest: How long the longest word is; 0 where none is that long.
    """

    whole: str
    lower: str
    starts: Starts
    long_words: str
    longest: int

    @classmethod
    def of(cls, text: str) -> "Text":
        """Return what rules read of a text."""
        lower = text.lower()
        if len(lower) != len(text):
            lower = "".join(low if len(low := letter.lower()) == 1 else letter for letter in text)
        long_words = [word for word in lower.split() if len(word) >= _LONG_WORD]
        return cls(text, lower, Starts.of(text), " ".join(long_words), max(map(len, long_words), default=0))

    @property
    def has_digits(self) -> bool:
        """Whether an ASCII digit stands in it, where a word's beginning is near."""
        return bool(self.starts.digit or self.starts.letter)

    def around(self, start: int, end: int) -> str:
        """Return what stands shortly before a place and shortly behind it, in lower case, `_` and `-` as spaces."""
        before, after = self.lower[max(0, start - BEFORE) : start], self.lower[end : end + AFTER]
        return f"{before}\n{after}".replace("_", " ").replace("-", " ")
