"""A subject is made readable once for all scorers, and the memory of that is bounded."""

from collections.abc import Sequence

from services.scorers.contract import Card, Measure, Score, Subject
from services.scorers.readable import MOST_KNOWN, ReadableScorer, Readings

CARD = Card(
    name="any",
    version="1",
    side="prompt",
    measures=(Measure(name="prompt.any", unit="ratio", direction="neither"),),
    cost="cheap",
    source="",
    blind_spots="",
)


class Shown:
    """A scorer that keeps what it was shown."""

    card = CARD

    def __init__(self) -> None:
        self.subjects: list[Subject] = []

    def score(self, subjects: Sequence[Subject]) -> list[tuple[Score, ...]]:
        self.subjects += subjects
        return [(Score("prompt.any", 0.0),)] * len(subjects)


def test_two_scorers_are_shown_the_same_readable_subject() -> None:
    readings, one, other = Readings(), Shown(), Shown()
    batch = [Subject(prompt="half \ud83d"), Subject(prompt="whole")]
    for scorer in (one, other):
        ReadableScorer(scorer, readings).score(batch)

    assert [subject.prompt for subject in one.subjects] == ["half \ufffd", "whole"]
    assert one.subjects[0] is other.subjects[0]
    assert other.subjects[1] is batch[1]


def test_a_subject_in_the_place_of_another_that_is_gone_is_read_anew() -> None:
    readings = Readings()
    for number in range(3 * MOST_KNOWN):
        assert readings.of(Subject(prompt=f"{number} \ud83d")).prompt == f"{number} \ufffd"


def test_no_more_subjects_are_kept_than_are_scored_at_once() -> None:
    readings = Readings()
    kept = [Subject(prompt=str(number)) for number in range(3 * MOST_KNOWN)]
    for subject in kept:
        readings.of(subject)

    assert len(readings._known) <= MOST_KNOWN
