"""OpenAI's moderation form: POST /moderations with a text, back come categories with scores between 0 and 1."""

from collections.abc import Sequence

import msgspec

from schemas.metrics import UNSAFE
from services.scorers.contract import Card, Score, Subject, unjudged
from services.scorers.remote.asking import Asker, NoAnswer
from services.scorers.remote.shown import absent, plain

SAFE = "safe"
LONGEST = 256


class Result(msgspec.Struct, frozen=True):
    """What is said of one text."""

    flagged: bool
    categories: dict[str, bool | None] = {}
    category_scores: dict[str, float | None] = {}

    @property
    def value(self) -> float:
        """The greatest score; of an endpoint that gives none, its verdict."""
        scores = [score for score in self.category_scores.values() if score is not None]
        return min(1.0, max(0.0, *scores)) if scores else float(self.flagged)


class Moderation(msgspec.Struct, frozen=True):
    """The endpoint's answer."""

    results: tuple[Result, ...]


class ModerationScorer:
    """The greatest category's score, labelled by the endpoint's own verdict or, if there is one, by a threshold."""

    def __init__(self, card: Card, asker: Asker, *, model: str, threshold: float | None) -> None:
        self.card = card
        self._asker = asker
        self._model = {"model": model} if model else {}
        self._threshold = threshold

    def score(self, subjects: Sequence[Subject]) -> list[tuple[Score, ...]]:
        """Return the score of each call's text."""
        reasons = [absent(subject, self.card.side) for subject in subjects]
        texts = [plain(s, self.card.side) for s, reason in zip(subjects, reasons, strict=True) if not reason]
        answers = iter(self._asker.ask_all(texts, self._ask))
        return [unjudged(self.card, reason) if reason else self._row(next(answers)) for reason in reasons]

    def _ask(self, text: str) -> Result:
        answer = self._asker.ask("moderations", {**self._model, "input": text}, Moderation)
        if len(answer.results) != 1:
            raise NoAnswer("the endpoint's answer is not understood")
        return answer.results[0]

    def _row(self, result: Result | NoAnswer) -> tuple[Score, ...]:
        if isinstance(result, NoAnswer):
            return unjudged(self.card, str(result))
        unsafe = result.flagged if self._threshold is None else result.value >= self._threshold
        named = tuple(sorted(name[:LONGEST] for name, of_it in result.categories.items() if of_it))
        label = UNSAFE if unsafe else SAFE
        return (Score(self.card.measures[0].name, result.value, label, named if unsafe else ()),)
