"""What cross-validated models say of each claim: how likely it is right, by models that did not learn from its judge.

Whoever contradicts what everyone else's judgements teach stands out (confident learning, Northcutt et al. 2021).
The models are logistic regressions over embeddings: fitted in a fraction of a second, and good enough for that.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import Protocol

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from training.data.poison.claims import Claim, Doubts, Embed
from training.data.poison.folds import FOLDS, folds_of

UNKNOWN = 0.5
_NEVER_RIGHT = 1e-6
_STRENGTH = 10.0
_LEAST_TRUST = 0.01
MOST_LEARNT = 2000


class Judge(Protocol):
    """A model that learns from some claims what others are worth."""

    def likely(self, claims: Sequence[Claim], learnt: Sequence[Claim]) -> Doubts:
        """Return each claim's probability of being right, (n,), by what was learnt from the others.

        Below one half something else is likelier. UNKNOWN where there is nothing to learn from.
        """


class LabelJudge:
    """Judges labels by their prompts."""

    def __init__(self, embed: Embed) -> None:
        self._embed = embed

    def likely(self, claims: Sequence[Claim], learnt: Sequence[Claim]) -> Doubts:
        """Return each label's probability against the likeliest other one."""
        learnt = sampled(learnt)
        labels = np.array([claim.verdict for claim in learnt])
        if len(set(labels)) < 2 or not claims:
            return np.full(len(claims), UNKNOWN)
        model = fitted(np.asarray(self._embed([claim.prompt for claim in learnt])), labels, weights_of(learnt))
        column = {name: at for at, name in enumerate(model.classes_)}
        chances = model.predict_proba(np.asarray(self._embed([claim.prompt for claim in claims])))
        return np.array(
            [_against(row, column.get(claim.verdict, -1)) for row, claim in zip(chances, claims, strict=True)]
        )


def out_of_fold(judge: Judge, claims: Sequence[Claim], seed: int) -> Doubts:
    """Return each claim's probability of being right, by a model of the other folds."""
    folds = folds_of(claims, seed)
    likely = np.full(len(claims), UNKNOWN)
    for fold in range(FOLDS):
        inside = [claim for claim, at in zip(claims, folds, strict=True) if at == fold]
        likely[folds == fold] = judge.likely(inside, [c for c, at in zip(claims, folds, strict=True) if at != fold])
    return likely


def sampled(learnt: Sequence[Claim]) -> Sequence[Claim]:
    """Return at most MOST_LEARNT claims, chosen by a hash: what more would teach is not worth its time."""
    if len(learnt) <= MOST_LEARNT:
        return learnt
    ordered = sorted(learnt, key=lambda one: hashlib.sha256(f"{one.judgement}\0{one.verdict}".encode()).digest())
    return ordered[:MOST_LEARNT]


def fitted(rows: npt.NDArray[np.floating], truths: npt.NDArray[np.generic], weights: Doubts) -> LogisticRegression:
    """Return a model of rows; lbfgs draws nothing at random."""
    return LogisticRegression(C=_STRENGTH, max_iter=300).fit(rows, truths, weights)


def weights_of(claims: Sequence[Claim]) -> Doubts:
    """Return how much each claim weighs in learning, (n,): its judge's trust, nobody's is nothing.

    Nobody without full trust weighs more in all than twice the median person, or few could outvote many.
    """
    given = Counter(claim.user for claim in claims if claim.user and not claim.trusted)
    most = 2 * median(given.values()) if given else 1.0
    return np.array([max(claim.trust, _LEAST_TRUST) * min(1.0, most / given.get(claim.user, 1)) for claim in claims])


def _against(chances: Doubts, column: int) -> float:
    if column == -1:
        return _NEVER_RIGHT
    other = np.delete(chances, column).max()
    return float(chances[column] / (chances[column] + other))
