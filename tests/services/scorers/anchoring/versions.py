"""A scorer whose scores shift from version to version."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from services.scorers.contract import Card, Measure, Score, Subject, unjudged

MEASURE = "prompt.injectedness"


@dataclass(slots=True)
class ShiftedScorer:
    """Scores a text by its length, `shift` higher; can't judge an empty one.

    Attributes:
        calls: How often it was asked.
    """

    version: str
    shift: float = 0.0
    name: str = "length-head"
    calls: int = field(default=0)

    @property
    def card(self) -> Card:
        measure = Measure(name=MEASURE, unit="probability", direction="higher is worse", labels=("safe", "unsafe"))
        return Card(
            name=self.name,
            version=self.version,
            side="prompt",
            measures=(measure,),
            cost="cheap",
            source="a test",
            blind_spots="everything but length",
        )

    def score(self, subjects: Sequence[Subject]) -> list[tuple[Score, ...]]:
        self.calls += 1
        return [self._row(subject.prompt) if subject.prompt else unjudged(self.card, "empty") for subject in subjects]

    def _row(self, text: str) -> tuple[Score, ...]:
        value = min(1.0, len(text) / 100 + self.shift)
        return (Score(MEASURE, value, "unsafe" if value >= 0.5 else "safe"),)
