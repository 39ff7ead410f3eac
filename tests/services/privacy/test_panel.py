"""What is left out by a look at the text is never what a rule would have found."""

import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.privacy.detector import RULES
from services.privacy.patterns.panel import Panel
from services.privacy.patterns.reading import Text
from services.privacy.patterns.rules import Rule
from services.privacy.spans import Span
from tests.fixtures.planted import FORMS, planted

PANEL = Panel(RULES)
PIECES = [
    *(value.value for value in planted(3)),
    *(trigger for rule in RULES for trigger in (*rule.triggers, *rule.opens)),
]
JOINTS = ("", "", " ", "=", ": ", ' "', '"', "-", "_", ".", " is ", " 12 ", "/", "\n", "a", "0", "–", "é")


def plainly(rule: Rule, text: Text) -> Iterator[Span]:
    """Yield what a rule's pattern finds, tried wherever it may begin, where one of its triggers stands in the text."""
    where = text.long_words if rule.long else text.lower
    if rule.triggers and not any(trigger in where for trigger in rule.triggers):
        return
    read = text.lower if rule.any_case else text.whole
    for match in _begun(rule, text, read) if rule.begins else rule.pattern.finditer(read):
        start, end = match.span(match.lastindex or 0)
        if rule.check is not None and not rule.check(text.whole[start:end]):
            continue
        if rule.words is None or rule.words.search(text.around(start, end)):
            yield Span(start, end, rule.kind)


def _begun(rule: Rule, text: Text, read: str) -> Iterator[re.Match[str]]:
    starts = {"digit": text.starts.digit, "letter": text.starts.letter, "sign": text.starts.sign}
    starts |= {"long_digit": text.starts.long_digit, "long_letter": text.starts.long_letter}
    for begin in rule.begins:
        for at in starts[begin]:
            if (match := rule.pattern.match(read, at)) is not None:
                yield match


def both(whole: str) -> tuple[list[Span], list[Span]]:
    text = Text.of(whole)
    return sorted(PANEL.find(text)), sorted(span for rule in RULES for span in plainly(rule, text))


def mixed(dice: random.Random) -> str:
    """Return values, triggers and what rules open with, in a row."""
    return "".join(dice.choice(PIECES) + dice.choice(JOINTS) for _ in range(dice.randrange(1, 12)))


@settings(deadline=None, max_examples=200)
@given(st.randoms(use_true_random=False))
def test_rows_of_values_and_triggers_yield_what_every_pattern_by_itself_finds(dice: random.Random) -> None:
    found, expected = both(mixed(dice))

    assert found == expected


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=200) | st.text(alphabet="0123456789 -+./()@:%\\u40AbcZ=&#;\"'sk_pw", max_size=200))
@example("xoxb-1234567890 beside https://xoxb.example.com/")
@example("pwd is s3cretpw and pass")
def test_any_text_yields_what_every_pattern_by_itself_finds(whole: str) -> None:
    found, expected = both(whole)

    assert found == expected


@pytest.mark.parametrize("form", FORMS)
def test_planted_values_are_found_as_every_pattern_by_itself_finds_them(form: str) -> None:
    for value in planted(5):
        found, expected = both(value.text(form))
        assert found == expected, value.label


def test_pages_and_code_yield_what_every_pattern_by_itself_finds() -> None:
    folder = Path(__file__).parents[3]
    files = [*sorted((folder / "docs").glob("*.md"))[:12], *sorted((folder / "services" / "privacy").rglob("*.py"))]
    for text in (file.read_text()[:6_000] for file in files):
        found, expected = both(text)
        assert found == expected


def test_a_text_without_a_trigger_or_a_figure_is_tried_with_next_to_no_rule() -> None:
    tried: list[str] = []

    class Told(Rule):
        __slots__ = ()

        def find(self, text: Text) -> list[Span]:
            tried.append(self.kind)
            return super().find(text)

    told = [Told(*(getattr(rule, name) for name in Rule.__slots__)) for rule in RULES]
    Panel(told).find(Text.of("how do i bake a loaf of bread that stays fresh for some days?"))

    assert tried == ["PERSON"]
