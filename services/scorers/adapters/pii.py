"""Personal data as scorers: how many entities stand in a text."""

import math
from collections.abc import Sequence

from services.privacy.detector import VERSION
from services.scorers.adapters.texts import Row, TextSide, rows_of_texts
from services.scorers.contract import Card, Measure, Score, Scorer, Subject
from services.scorers.offers import Offer, Wanted
from services.scorers.pii import count_entities

NAMES: dict[TextSide, str] = {"prompt": "pii-patterns", "response": "answer-pii-patterns"}


class PersonalDataScorer:
    """Counts over one text of a call."""

    def __init__(self, side: TextSide) -> None:
        self._side = side
        self.card = _card(side)

    def score(self, subjects: Sequence[Subject]) -> list[Row]:
        """Return the number of entities in each text."""
        return rows_of_texts(self.card, subjects, self._side, self._judge)

    def _judge(self, texts: Sequence[str]) -> list[Row]:
        return [(Score(f"{self._side}.pii", float(count_entities(text))),) for text in texts]


def pii_offer(side: TextSide, wanted: Wanted) -> Offer:
    """Return a side's scorer as an offer; loading it warms the patterns up."""

    def load() -> Scorer:
        count_entities("load@example.com")
        return PersonalDataScorer(side)

    return Offer(_card(side), load)


def _card(side: TextSide) -> Card:
    measure = Measure(name=f"{side}.pii", unit="entities", direction="higher is worse", high=math.inf)
    return Card(
        name=NAMES[side],
        version=VERSION,
        side=side,
        measures=(measure,),
        cost="cheap",
        source="Patterns and the check digits of their standards (services/privacy; docs/privacy.md)",
        blind_spots="Names, places and whatever has no form of its own; numbers of other countries than the patterns'.",
    )
