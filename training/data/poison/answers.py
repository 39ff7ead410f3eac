"""Whether an answer fits its prompt, learnt from what was called right and wrong of other people's calls."""

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from training.data.duplicates import normalised
from training.data.poison.claims import Claim, Doubts, Embed
from training.data.poison.doubts import UNKNOWN, fitted, sampled, weights_of

NEIGHBOURS = 5
Rows = npt.NDArray[np.float32]


class AnswerJudge:
    """Judges answers by their prompts, by what stands beside similar prompts, and by strangers' answers.

    Right answers that were given to other prompts serve as wrong ones, because often nobody says which are.
    """

    def __init__(self, embed: Embed, seed: int) -> None:
        self._embed, self._seed = embed, seed

    def likely(self, claims: Sequence[Claim], learnt: Sequence[Claim]) -> Doubts:
        """Return how likely each verdict is: of a right answer that it fits, of a wrong one that it doesn't."""
        learnt = sampled(learnt)
        right = [claim for claim in learnt if claim.verdict == "right"]
        if len(right) <= NEIGHBOURS or not claims:
            return np.full(len(claims), UNKNOWN)
        known = [*learnt, *self._strangers(right)]
        truths = np.array([claim.verdict == "right" for claim in known])
        if truths.all():
            return np.full(len(claims), UNKNOWN)
        beside = _Beside(self._embed, right)
        model = fitted(beside.features(known), truths, weights_of(known))
        fits = model.predict_proba(beside.features(claims))[:, 1]
        said = np.array([claim.verdict == "right" for claim in claims])
        return np.asarray(np.where(said, fits, 1 - fits))

    def _strangers(self, right: Sequence[Claim]) -> list[Claim]:
        """Return each prompt with another's answer, in an order by hash; equal answers make no stranger."""
        ordered = sorted(right, key=lambda claim: _order(self._seed, claim.judgement))
        pairs = zip(ordered, [*ordered[1:], ordered[0]], strict=True)
        return [
            Claim(
                judgement=claim.judgement,
                user=claim.user,
                trust=claim.trust,
                at=claim.at,
                prompt=claim.prompt,
                answer=other.answer,
                verdict="wrong",
                own=False,
            )
            for claim, other in pairs
            if normalised(claim.answer) != normalised(other.answer)
        ]


class _Beside:
    """The right answers that stand beside prompts like a given one."""

    def __init__(self, embed: Embed, right: Sequence[Claim]) -> None:
        self._embed, self._right = embed, right
        self._prompts = embed([claim.prompt for claim in right])
        self._answers = embed([claim.answer for claim in right])
        numbers = {user: at for at, user in enumerate(sorted({claim.user for claim in right}))}
        self._numbers = numbers
        self._users = np.array([numbers[claim.user] if claim.user else -1 for claim in right])
        self._ids = {claim.judgement: at for at, claim in enumerate(right)}

    def features(self, claims: Sequence[Claim]) -> npt.NDArray[np.float32]:
        """Return (n, 3d + 2): prompt by answer, both, their cosine, and the answer's to its neighbours' answers."""
        prompts = self._embed([claim.prompt for claim in claims])
        answers = self._embed([claim.answer for claim in claims])
        near = np.array([self._nearness(claims[at], prompts[at], answers[at]) for at in range(len(claims))])
        cosine = np.einsum("ij,ij->i", prompts, answers)[:, None]
        return np.hstack([prompts * answers, prompts, answers, cosine, near[:, None]]).astype(np.float32)

    def _nearness(self, claim: Claim, prompt: Rows, answer: Rows) -> float:
        similar = self._prompts @ prompt
        if claim.user in self._numbers and claim.user:
            similar[self._users == self._numbers[claim.user]] = -1.0
        if claim.judgement in self._ids:
            similar[self._ids[claim.judgement]] = -1.0
        nearest = np.argpartition(-similar, NEIGHBOURS)[:NEIGHBOURS]
        weights = np.maximum(similar[nearest], 0.0) ** 4
        return float(weights @ (self._answers[nearest] @ answer) / max(weights.sum(), 1e-9))


def _order(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed}\0{name}".encode(errors="replace")).digest()
