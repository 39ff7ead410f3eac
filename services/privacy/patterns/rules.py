"""What a kind of private data looks like: a pattern, what must stand in the text for it, and a check. Pure.

Patterns are linear in the text: a start is tried once a run (a look-behind sees to it), runs are possessive,
and everything else is bounded.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from services.privacy.spans import Span

BEFORE, AFTER = 48, 24
_LONGEST_WORD = 40
_DIGITS = re.compile("[0-9]+")
_SIGNS = "+(-[〒"
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
            if run.start() < end:
                continue
            at, least = run.start(), max(0, run.start() - _LONGEST_WORD)
            while at > least and text[at - 1].isalnum() and text[at - 1].isascii():
                at -= 1
            word = _WORD.match(text, at)
            end = word.end() if word else run.end()
            if at > least or at == 0:
                starts._add(text, at, end - at)
        return starts

    def _add(self, text: str, at: int, length: int) -> None:
        first_is_digit = text[at].isdigit()
        (self.digit if first_is_digit else self.letter).append(at)
        if length >= _LONG_NUMBER:
            (self.long_digit if first_is_digit else self.long_letter).append(at)
        before = text[max(0, at - 4) : at]
        if before[-1:] and before[-1] in _SIGNS:
            self.sign.append(at - 1)
            if before[-2:-1] and before[-2] in _SIGNS:
                self.sign.append(at - 2)
        elif before[-1:] == " " and before[-2:-1] == "+":
            self.sign.append(at - 2)
        if before[-1:] in (" ", "-") and before[-2:-1].isalpha():
            self.letter.append(at - (3 if before[-3:-2].isalpha() else 2))


class Text(NamedTuple):
    """A text as rules read it; `lower` is of the same length, `long_words` in lower case too."""

    whole: str
    lower: str
    starts: Starts
    long_words: str
    seen: dict[str, bool]

    @classmethod
    def of(cls, text: str) -> "Text":
        """Return what rules read of a text."""
        lower = text.lower()
        if len(lower) != len(text):
            lower = "".join(low if len(low := letter.lower()) == 1 else letter for letter in text)
        long_words = " ".join([word for word in lower.split() if len(word) >= _LONG_WORD])
        return cls(text, lower, Starts.of(text), long_words, {})

    def holds(self, trigger: str) -> bool:
        """Whether a trigger stands in the lower-case text, or as it is if it has a capital; looked up once."""
        known = self.seen.get(trigger)
        if known is None:
            known = self.seen[trigger] = trigger in (self.lower if trigger == trigger.lower() else self.whole)
        return known

    @property
    def has_digits(self) -> bool:
        """Whether an ASCII digit stands in it."""
        return bool(self.starts.digit or self.starts.letter)

    def around(self, start: int, end: int) -> str:
        """Return what stands shortly before a place and shortly behind it, in lower case, `_` and `-` as spaces."""
        before, after = self.lower[max(0, start - BEFORE) : start], self.lower[end : end + AFTER]
        return f"{before}\n{after}".replace("_", " ").replace("-", " ")


def one_of(words: Iterable[str]) -> re.Pattern[str]:
    """Return what finds one of some words in what is around a place: short ones alone, others in longer ones too."""
    short = [re.escape(word) for word in words if len(word) <= 4]
    others = [re.escape(word) for word in words if len(word) > 4]
    alone = [rf"(?<![^\W\d_])(?:{'|'.join(short)})(?![^\W\d_])"] if short else []
    return re.compile("|".join([*alone, *others]))


@dataclass(frozen=True, slots=True)
class Rule:
    """Finds one kind.

    Attributes:
        pattern: What it looks like; what is masked is its first group that took part, else all of it.
        triggers: One of them stands in the text, or the pattern isn't tried; empty: always tried.
        begins: It is tried where words with figures begin, not everywhere; empty: everywhere.
        long: It stands in a word of sixteen characters or more.
        any_case: The pattern is of the lower-case text.
        check: Of what is masked: checksums and the like.
        words: What must stand near it.
    """

    kind: str
    pattern: re.Pattern[str]
    triggers: tuple[str, ...] = ()
    begins: tuple[Begin, ...] = ()
    long: bool = False
    any_case: bool = False
    check: Callable[[str], bool] | None = None
    words: re.Pattern[str] | None = None

    def find(self, text: Text) -> list[Span]:
        """Return where the kind stands in a text."""
        if not self._may_be_in(text):
            return []
        return [span for match in self._matches(text) if (span := self._judged(match, text)) is not None]

    def _judged(self, match: re.Match[str], text: Text) -> Span | None:
        start, end = match.span(match.lastindex or 0)
        if self.check is not None and not self.check(text.whole[start:end]):
            return None
        if self.words is not None and not self.words.search(text.around(start, end)):
            return None
        return Span(start, end, self.kind)

    def _may_be_in(self, text: Text) -> bool:
        if self.long:
            # A list, as a generator costs more than what it would save.
            return True in [trigger in text.long_words for trigger in self.triggers]
        return not self.triggers or any(map(text.holds, self.triggers))

    def _matches(self, text: Text) -> Iterable[re.Match[str]]:
        read = text.lower if self.any_case else text.whole
        if not self.begins:
            return self.pattern.finditer(read)
        match = self.pattern.match
        starts = text.starts
        return [found for begin in self.begins for at in getattr(starts, begin) if (found := match(read, at))]


def rule(
    kind: str,
    pattern: str,
    *triggers: str,
    begins: tuple[Begin, ...] = (),
    check: Callable[[str], bool] | None = None,
    words: tuple[str, ...] = (),
) -> Rule:
    """Return a rule of a pattern's text, which is of the lower-case text where it begins with `(?i)`."""
    near = one_of(words) if words else None
    any_case = pattern.startswith("(?i)")
    found = re.compile(pattern.removeprefix("(?i)"))
    return Rule(kind, found, triggers, begins, False, any_case, check, near)


def long_rule(
    kind: str, pattern: str, *triggers: str, check: Callable[[str], bool] | None = None, words: tuple[str, ...] = ()
) -> Rule:
    """Return a rule of what is a long word, or stands in one."""
    lower = tuple(trigger.lower() for trigger in triggers)
    return replace(rule(kind, pattern, *lower, check=check, words=words), long=True)
