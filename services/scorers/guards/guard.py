"""A guard as a scorer: calls in, a score for each of its measures out, whoever holds the model."""

import hashlib
from collections.abc import Mapping, Sequence

import msgspec

from schemas.guards import UNSAFE, GuardScore, GuardSettings, GuardSide, guard_scores
from services.scorers.contract import Card, CostClass, Direction, Measure, Score, Side, Subject
from services.scorers.guards.asking import Family, Verdict, conversation_of

NOTHING_TO_JUDGE: Mapping[GuardSide, str] = {"prompt": "no prompt", "response": "no answer"}
RECIPE = 1
"""Raised when a guard is asked or read in another way."""
_PLACES = {"checkpoint", "base", "endpoint", "download", "batch", "device"}
"""Settings that no score hangs on, or that the engine's version tells of."""


class Guard:
    """Scores each side of a call with one family of guard.

    Args:
        family: How it is asked and read; holds the engine.
        name: Of the scorer, in configuration and tables.
        settings: What is judged, and from which probability a text is unsafe.
        engine_version: A hash of what holds the model.
        cost: Whether it costs this machine or a call.
    """

    def __init__(
        self, family: Family, *, name: str, settings: GuardSettings, engine_version: str, cost: CostClass
    ) -> None:
        self._family = family
        self._threshold = settings.threshold
        self._scores = guard_scores(name, settings)
        self._sides = tuple(dict.fromkeys(score.side for score in self._scores))
        version = guard_version(settings, engine_version)
        self.card = card_of(name, settings, version, cost, family.source, family.blind_spots)

    def score(self, subjects: Sequence[Subject]) -> list[tuple[Score, ...]]:
        """Return the scores of each call, of its prompt first."""
        by_side = [self._judged(side, subjects) for side in self._sides]
        return [
            tuple(score_of(of, verdict, self._threshold) for of, verdict in zip(self._scores, verdicts, strict=True))
            for verdicts in (sum(row, ()) for row in zip(*by_side, strict=True))
        ]

    def _judged(self, side: GuardSide, subjects: Sequence[Subject]) -> list[tuple[Verdict, ...]]:
        shown = [conversation_of(subject, side) for subject in subjects]
        verdicts = iter(self._family.judge(side, [conversation for conversation in shown if conversation]))
        nothing = (Verdict(None, unjudged=NOTHING_TO_JUDGE[side]),) * sum(of.side == side for of in self._scores)
        return [next(verdicts) if conversation else nothing for conversation in shown]


def card_of(name: str, settings: GuardSettings, version: str, cost: CostClass, source: str, blind_spots: str) -> Card:
    """Return the card of a guard with these settings."""
    scores = guard_scores(name, settings)
    return Card(
        name=name,
        version=version,
        side=_side(tuple(dict.fromkeys(score.side for score in scores))),
        measures=tuple(_measure(score) for score in scores),
        cost=cost,
        source=source,
        blind_spots=blind_spots,
    )


def guard_version(settings: GuardSettings, engine_version: str) -> str:
    """Return a hash of all settings that a score hangs on, and of what holds the model."""
    kept = {key: value for key, value in msgspec.to_builtins(settings).items() if key not in _PLACES}
    return hashlib.sha256(msgspec.json.encode([RECIPE, kept, engine_version], order="sorted")).hexdigest()[:12]


def score_of(of: GuardScore, verdict: Verdict, threshold: float) -> Score:
    """Return a verdict as a score."""
    if verdict.probability is None:
        return Score(of.name, None, unjudged=verdict.unjudged)
    value = min(max(verdict.probability, 0.0), 1.0)
    flagged = value >= threshold
    label = of.flagged if flagged else of.passed
    return Score(of.name, value, label=label, categories=verdict.categories if flagged else ())


def _measure(score: GuardScore) -> Measure:
    direction: Direction = "higher is worse" if score.flagged == UNSAFE else "neither"
    return Measure(
        name=score.name, unit="probability", direction=direction, labels=(score.passed, score.flagged)
    )  # fmt: skip


def _side(sides: Sequence[GuardSide]) -> Side:
    """What is judged is one side; an answer is judged beside its prompt."""
    return "prompt" if tuple(sides) == ("prompt",) else "conversation"
