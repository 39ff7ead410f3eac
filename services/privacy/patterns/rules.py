"""What a kind of private data looks like: a pattern, what must stand in the text for it, and a check. Pure.

Patterns are linear in the text: a start is tried once a run (a look-behind sees to it), runs are possessive,
and everything else is bounded.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from services.privacy.patterns.reading import Begin, Text
from services.privacy.spans import Span


def one_of(words: Iterable[str]) -> re.Pattern[str]:
    """Return what finds one of some words in what is around a place: short ones alone, others in longer ones too."""
    short = [re.escape(word) for word in words if len(word) <= 4]
    others = [re.escape(word) for word in words if len(word) > 4]
    alone = [rf"(?<![^\W\d_])(?:{'|'.join(short)})(?![^\W\d_])"] if short else []
    return re.compile("|".join([*alone, *others]))


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """Finds one kind.

    Attributes:
        pattern: What it looks like; what is masked is its first group that took part, else all of it.
        triggers: One of them stands in the text, or the pattern isn't tried; empty: always tried.
        begins: It is tried where words with figures begin, not everywhere; empty: everywhere.
        opens: Every match begins with one of them, in lower case; empty: with anything.
        trace: Found in every lower-case text that holds a match, at less cost than a match.
        long: It stands in a word of sixteen characters or more; its triggers are of such a word.
        least: No word shorter than that holds it.
        any_case: The pattern is of the lower-case text.
        check: Of what is masked: checksums and the like.
        words: What must stand near it.
    """

    kind: str
    pattern: re.Pattern[str]
    triggers: tuple[str, ...] = ()
    begins: tuple[Begin, ...] = ()
    opens: tuple[str, ...] = ()
    trace: re.Pattern[str] | None = None
    long: bool = False
    least: int = 0
    any_case: bool = False
    check: Callable[[str], bool] | None = None
    words: re.Pattern[str] | None = None

    def with_trace(self, pattern: str) -> "Rule":
        """Return the rule with what tells texts without it."""
        return replace(self, trace=re.compile(pattern))

    def with_opens(self, *literals: str) -> "Rule":
        """Return the rule with what its matches begin with."""
        return replace(self, opens=literals)

    def find(self, text: Text) -> list[Span]:
        """Return where the kind stands in a text that holds one of the triggers."""
        if self.least > text.longest or (self.trace is not None and self.trace.search(text.lower) is None):
            return []
        return self.spans(self._matches(text), text)

    def spans(self, matches: Iterable[re.Match[str]], text: Text) -> list[Span]:
        """Return what matches of the pattern are worth: what check and words leave."""
        return [span for match in matches if (span := self._judged(match, text)) is not None]

    def _judged(self, match: re.Match[str], text: Text) -> Span | None:
        start, end = match.span(match.lastindex or 0)
        if self.check is not None and not self.check(text.whole[start:end]):
            return None
        if self.words is not None and not self.words.search(text.around(start, end)):
            return None
        return Span(start, end, self.kind)

    def _matches(self, text: Text) -> Iterable[re.Match[str]]:
        read = text.lower if self.any_case else text.whole
        match = self.pattern.match
        if self.begins:
            return [found for begin in self.begins for at in getattr(text.starts, begin) if (found := match(read, at))]
        return self._opened(text.lower, read) if self.opens else self.pattern.finditer(read)

    def _opened(self, lower: str, read: str) -> Iterator[re.Match[str]]:
        """Yield the matches, leftmost first and none within another, as a search everywhere does."""
        end = 0
        for at in sorted({at for literal in self.opens for at in places(literal, lower)}):
            if at >= end and (found := self.pattern.match(read, at)) is not None:
                yield found
                end = found.end()


def places(literal: str, text: str) -> Iterator[int]:
    """Yield where a literal stands in a text, each place of it."""
    at = text.find(literal)
    while at >= 0:
        yield at
        at = text.find(literal, at + 1)


def rule(
    kind: str,
    pattern: str,
    *triggers: str,
    begins: tuple[Begin, ...] = (),
    check: Callable[[str], bool] | None = None,
    words: tuple[str, ...] = (),
) -> Rule:
    """Return a rule of a pattern's text, which is of the lower-case text where it begins with `(?i)`."""
    return Rule(
        kind,
        re.compile(pattern.removeprefix("(?i)")),
        triggers,
        begins,
        any_case=pattern.startswith("(?i)"),
        check=check,
        words=one_of(words) if words else None,
    )


def long_rule(
    kind: str,
    pattern: str,
    *triggers: str,
    least: int = 0,
    check: Callable[[str], bool] | None = None,
    words: tuple[str, ...] = (),
) -> Rule:
    """Return a rule of what is a long word, or stands in one."""
    lower = tuple(trigger.lower() for trigger in triggers)
    return replace(rule(kind, pattern, *lower, check=check, words=words), long=True, least=least)
