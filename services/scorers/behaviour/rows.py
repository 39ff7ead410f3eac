"""Rows of scores: what the scorers of this room are built of."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from services.scorers.contract import Card, Measure, Score, Subject

EMPTY_PROMPT = "the prompt is empty"
EMPTY_ANSWER = "the answer is empty"

Row = tuple[Score, ...]


@dataclass(frozen=True, slots=True)
class SingleScorer:
    """Judges one call after the other; `judge` gives a row."""

    card: Card
    judge: Callable[[Subject], Row]

    def score(self, subjects: Sequence[Subject]) -> list[Row]:
        """Return a row for each subject."""
        return [self.judge(subject) for subject in subjects]


def judged(measure: Measure, value: float, label: str = "", *categories: str) -> Score:
    """Return a score, held within the measure's bounds: rounding may step past them."""
    return Score(measure.name, min(measure.high, max(measure.low, float(value))), label, categories)


def none(measure: Measure, reason: str) -> Score:
    """Return the score of what a scorer can't judge."""
    return Score(measure.name, None, unjudged=reason)
