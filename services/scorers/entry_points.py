"""A scorer of a user's own as a Python entry point, `package.module:factory`.

The factory takes a services.scorers.offers.Wanted and returns a services.scorers.contract.Scorer. It is
imported from where Python finds modules; PYTHONPATH leads there.
"""

import importlib
import math
from collections.abc import Sequence

from services.scorers.contract import Card, Score, Scorer, Subject
from services.scorers.offers import Offer, ScorerUnavailable, Wanted
from services.scorers.readable import readable

LONGEST = 256


class ScorerFault(Exception):
    """A scorer broke its contract; the message says how, without text of a call."""


class CheckedScorer:
    """A scorer of which nobody knows whether it keeps its contract; what it returns is looked at."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        self._measures = {measure.name: measure for measure in scorer.card.measures}

    @property
    def card(self) -> Card:
        """The scorer's own."""
        return self._scorer.card

    def score(self, subjects: Sequence[Subject]) -> list[tuple[Score, ...]]:
        """Return the scorer's rows.

        Raises:
            ScorerFault: They are not what its card promises.
        """
        rows = [tuple(row) for row in self._scorer.score(subjects)]
        if len(rows) != len(subjects):
            raise ScorerFault(f"{len(rows)} rows for {len(subjects)} calls")
        for row in rows:
            self._check(row)
        return rows

    def _check(self, row: tuple[Score, ...]) -> None:
        if [score.name for score in row] != list(self._measures):
            raise ScorerFault("a row has other scores than the card")
        for score in row:
            measure = self._measures[score.name]
            if score.value is not None and not measure.low <= score.value <= measure.high:
                raise ScorerFault(f"{score.name} is out of its bounds")
            if score.label and score.label not in measure.labels:
                raise ScorerFault(f"{score.name} has a label that the card lacks")
            if any(len(word) > LONGEST or word != readable(word) for word in (score.unjudged, *score.categories)):
                raise ScorerFault(f"{score.name} has a category or a reason that can't be recorded")


def entry_point_offer(wanted: Wanted) -> Offer:
    """Return the scorer that a user's factory makes, as an offer.

    Raises:
        ScorerUnavailable: It can't be imported, fails, or gives other scores than the entry declares.
    """
    scorer = CheckedScorer(_made(wanted))
    card, entry = scorer.card, wanted.entry
    declared, given = [score.name for score in entry.measures], [measure.name for measure in card.measures]
    if sorted(declared) != sorted(given):
        said = f"declares {', '.join(declared)} but {entry.entry_point} gives {', '.join(given)}"
        raise ScorerUnavailable(f"{entry.name}: scorers.measures {said}")
    flagged = {score.name: score.flagged for score in entry.measures if score.flagged}
    for measure in card.measures:
        if measure.name in flagged and flagged[measure.name] not in measure.labels:
            raise ScorerUnavailable(f"{entry.name}: {measure.name} is never labelled {flagged[measure.name]!r}")
        if math.isnan(measure.low) or measure.low > measure.high:
            raise ScorerUnavailable(f"{entry.name}: {measure.name} has no range")
    return Offer(card, lambda: scorer, remark=f"from {entry.entry_point}")


def _made(wanted: Wanted) -> Scorer:
    module, _, name = wanted.entry.entry_point.partition(":")
    try:
        scorer: Scorer = getattr(importlib.import_module(module), name)(wanted)
        scorer.card.measures  # noqa: B018  a factory that returns something else is told here, not at the first call
    except Exception as error:
        said = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no reason given'}"
        raise ScorerUnavailable(f"{wanted.entry.name}: {wanted.entry.entry_point}: {said}") from error
    return scorer
