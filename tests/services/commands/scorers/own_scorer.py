"""A user's own scorer: counts fools."""

from collections.abc import Sequence

from services.scorers.contract import Card, Measure, Score, Scorer, Subject
from services.scorers.offers import Offer, Wanted

MEASURE = Measure(
    name="prompt.rudeness", unit="count", direction="higher is worse", high=99.0, labels=("polite", "rude")
)
CARD = Card(
    name="mine",
    version="1",
    side="prompt",
    measures=(MEASURE,),
    cost="cheap",
    source="a list of two words",
    blind_spots="every other word",
)


class Fools:
    """Rude is who says fool; certain of it, who says rotten as well."""

    card = CARD

    def score(self, subjects: Sequence[Subject]) -> list[tuple[Score, ...]]:
        return [self._row(subject.prompt) for subject in subjects]

    def _row(self, text: str) -> tuple[Score, ...]:
        value = float(text.count("fool") + text.count("rotten"))
        return (Score("prompt.rudeness", value, "rude" if value > 1 else "polite"),)


def make(wanted: Wanted) -> Scorer | Offer:
    return Fools()
