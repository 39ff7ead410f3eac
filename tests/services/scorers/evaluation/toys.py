"""A scorer that knows what it is asked, and data for it."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.scorers.contract import Card, Direction, Measure, Score, Subject, unjudged
from services.scorers.evaluation.examples import DataSet, prompts


@dataclass(slots=True)
class Oracle:
    """Reads its score off the prompt: `0.7 whatever`. Can't judge what begins otherwise.

    Attributes:
        asked: Sizes of the batches that it was given.
    """

    asked: list[int]
    direction: Direction = "higher is worse"
    version: str = "1"

    @property
    def card(self) -> Card:
        measures = (
            Measure(
                name="prompt.danger",
                unit="probability",
                direction=self.direction,
                labels=("safe", "doubtful", "unsafe"),
            ),
            Measure(name="prompt.length", unit="characters", direction="neither", high=1e9),
        )
        return Card(
            name="oracle",
            version=self.version,
            side="prompt",
            measures=measures,
            cost="cheap",
            source="A test | of pages.",
            blind_spots="Nothing.",
        )

    def score(self, subjects: Sequence[Subject]) -> list[tuple[Score, ...]]:
        self.asked.append(len(subjects))
        return [self._row(subject.prompt) for subject in subjects]

    def _row(self, text: str) -> tuple[Score, ...]:
        try:
            value = float(text.partition(" ")[0])
        except ValueError:
            return unjudged(self.card, "no number")
        label = "unsafe" if value >= 0.8 else "doubtful" if value >= 0.5 else "safe"
        return Score("prompt.danger", value, label), Score("prompt.length", float(len(text)))


def data_set(bad: Sequence[str], good: Sequence[str], *, name: str = "toys") -> DataSet:
    """Return prompts of two kinds."""
    rows = [(text, True, "attack") for text in bad] + [(text, False, "talk") for text in good]
    return DataSet(
        name=name,
        relation="across data sets",
        examples=prompts(rows),
        about=frozenset(("danger",)),
    )
