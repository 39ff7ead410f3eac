"""Many rules over one text: what can't be in it is told by a few looks, so that most rules never run. Pure.

Which triggers stand in a text is found out once for all rules, and those with a sign that the text lacks aren't
looked for. Rules of words with figures are first tried together: most words are none of them.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple, get_args

from services.privacy.patterns.reading import Begin, Text
from services.privacy.patterns.rules import Rule
from services.privacy.spans import Span

_Rules = tuple[Rule, ...]


class Triggered:
    """Rules by their triggers."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        by_trigger: defaultdict[str, list[Rule]] = defaultdict(list)
        for rule in rules:
            for trigger in rule.triggers:
                by_trigger[trigger].append(rule)
        self._rules = {trigger: tuple(some) for trigger, some in by_trigger.items()}
        by_sign: defaultdict[str, list[str]] = defaultdict(list)
        for trigger in by_trigger:
            by_sign[_sign(trigger)].append(trigger)
        # Every text holds the empty sign.
        self._by_sign = tuple((sign, tuple(triggers)) for sign, triggers in by_sign.items())

    def of(self, text: str) -> Iterable[Rule]:
        """Return the rules that one of the triggers in a lower-case text is of, each once."""
        held = [t for sign, triggers in self._by_sign if sign in text for t in triggers if t in text]
        return dict.fromkeys(rule for trigger in held for rule in self._rules[trigger])


def _sign(trigger: str) -> str:
    """Return what is rare of a trigger and looked for fast: a sign that is no letter of English and no space."""
    return next((sign for sign in trigger if not (sign.isalpha() and sign.isascii()) and sign != " "), "")


class Begun(NamedTuple):
    """Rules that are tried at the same places."""

    begin: Begin
    any_of: re.Pattern[str]
    rules: _Rules

    def spans(self, text: Text) -> list[Span]:
        """Return what they find in a text."""
        whole, may_be = text.whole, self.any_of.match
        places: list[int] = [at for at in getattr(text.starts, self.begin) if may_be(whole, at)]
        spans: list[Span] = []
        for rule in self.rules if places else ():
            match = rule.pattern.match
            spans += rule.spans((found for at in places if (found := match(whole, at))), text)
        return spans


class Panel:
    """All the rules."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._anywhere = tuple(rule for rule in rules if not rule.triggers and not _is_of_figures(rule))
        self._triggered = Triggered(rule for rule in rules if rule.triggers and not rule.long)
        self._of_long_words = Triggered(rule for rule in rules if rule.long)
        together = [rule for rule in rules if _is_of_figures(rule) and rule.words is None and not rule.any_case]
        self._together = tuple(_begun(together))
        self._alone = tuple(rule for rule in rules if _is_of_figures(rule) and rule not in together)

    def find(self, text: Text) -> list[Span]:
        """Return what the rules find, in no order."""
        tried = [*self._anywhere, *self._triggered.of(text.lower)]
        if text.long_words:
            tried += self._of_long_words.of(text.long_words)
        if not text.has_digits:
            return [span for rule in tried if not rule.begins for span in rule.find(text)]
        found = [span for rule in (*tried, *self._alone) for span in rule.find(text)]
        return found + [span for begun in self._together for span in begun.spans(text)]


def _is_of_figures(rule: Rule) -> bool:
    """Whether a rule is tried at every word with figures, in every text that has some."""
    return bool(rule.begins) and not rule.triggers


def _begun(rules: Sequence[Rule]) -> Iterable[Begun]:
    for begin in get_args(Begin):
        some = tuple(rule for rule in rules if begin in rule.begins)
        if some:
            yield Begun(begin, re.compile("|".join(f"(?:{rule.pattern.pattern})" for rule in some)), some)
