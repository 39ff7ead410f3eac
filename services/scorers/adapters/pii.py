"""Personal data as scorers: how many entities stood in a text before anything was masked."""

import math
from collections.abc import Sequence

from services.privacy.detector import VERSION
from services.scorers.adapters.texts import ABSENT, Row, TextSide, text_of
from services.scorers.contract import Card, Measure, Score, Scorer, Subject, unjudged
from services.scorers.offers import Offer, Wanted
from services.scorers.pii import count_besides, count_entities

NAMES: dict[TextSide, str] = {"prompt": "pii-patterns", "response": "answer-pii-patterns"}
# Of how the counts are taken, beside the version of the patterns.
_COUNTING = "2"


class PersonalDataScorer:
    """Counts over one text of a call: gateway's and collector's where they looked, else its own."""

    def __init__(self, side: TextSide) -> None:
        self._side = side
        self.card = _card(side)

    def score(self, subjects: Sequence[Subject]) -> list[Row]:
        """Return the number of entities in each text."""
        return [self._row(subject) for subject in subjects]

    def _row(self, subject: Subject) -> Row:
        count = self._counted(subject)
        if count is None:
            return unjudged(self.card, ABSENT[self._side])
        return (Score(self.card.measures[0].name, float(count)),)

    def _counted(self, subject: Subject) -> int | None:
        """Return the count; None where there was no text, one that was dropped being none of those."""
        text, told = text_of(subject, self._side), subject.private
        if told is None:
            return count_entities(text) if text.strip() else None
        of_prompt = self._side == "prompt"
        found, dropped = (told.prompt, told.prompt_characters) if of_prompt else (told.answer, told.answer_characters)
        if not (text.strip() or dropped):
            return None
        # What was not looked for still stands there.
        return sum(found.values()) + (count_besides(text, told.kinds) if told.kinds else 0)


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
        version=f"{VERSION}.{_COUNTING}",
        side=side,
        measures=(measure,),
        cost="cheap",
        source="Patterns and the check digits of their standards (services/privacy; docs/privacy.md)",
        blind_spots="Names, places and whatever has no form of its own; numbers of other countries than the patterns'.",
    )
