"""Whole rollouts of an app that writes, simulated: canary steps of 5 s windows, looked at after every window."""

from dataclasses import dataclass, field, replace
from datetime import timedelta

import numpy as np
from numpy.random import Generator, default_rng

from schemas.learning import RolloutState
from schemas.rollout_policy import RolloutPolicy
from services.rollout.evidence.amounts import amount_of
from services.rollout.evidence.scored import FORMAT, REFUSAL, UNSAFE
from services.rollout.evidence.trials import Trials
from services.rollout.figures import Figures
from services.rollout.states import FINAL, Rollout
from services.rollout.transitions import Observation, advanced, share_of
from tests.services.rollout.builders import APP, START

POLICY = RolloutPolicy(app=APP, steps=(0.05, 0.25, 0.5), step_for="60s", give_up_after="20m", min_count=30)
WINDOW = timedelta(seconds=5)
ANSWERS_A_WINDOW = 400
STARS = np.arange(1, 6)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a version answers, and what people say of it.

    Attributes:
        stars: Chances of 1 to 5 stars, of the answers that are rated.
        rated: Share of answers that are.
        corrected: Share that somebody corrects, by 30 % of the answer in the mean.
        tokens: Median length; lengths are lognormal.
    """

    stars: tuple[float, ...] = (0.05, 0.05, 0.15, 0.35, 0.40)
    rated: float = 0.2
    corrected: float = 0.05
    refusal: float = 0.05
    unsafe: float = 0.01
    malformed: float = 0.02
    error: float = 0.005
    tokens: float = 120.0

    @property
    def rating(self) -> float:
        """The mean rating."""
        return float(np.dot(STARS, self.stars))


@dataclass(slots=True)
class Sums:
    """What a version did so far; its windows one by one, as their differences count."""

    counts: dict[str, float] = field(default_factory=dict)
    tokens: list[tuple[float, float]] = field(default_factory=list)

    def add(self, chance: Generator, count: int, does: Behaviour) -> None:
        """Add a window."""
        rated, corrected = chance.binomial(count, does.rated), chance.binomial(count, does.corrected)
        window = {
            "responses": count,
            "errors": chance.binomial(count, does.error),
            "ratings": rated,
            "rating_sum": int(STARS @ chance.multinomial(rated, does.stars)),
            "corrections": corrected,
            "edit_sum": float(chance.beta(3, 7, corrected).sum()),
            REFUSAL: chance.binomial(count, does.refusal),
            UNSAFE: chance.binomial(count, does.unsafe),
            FORMAT: chance.binomial(count, does.malformed),
        }
        self.counts = {name: self.counts.get(name, 0) + value for name, value in window.items()}
        self.tokens.append((float(chance.lognormal(np.log(does.tokens), 0.8, count).sum()), count))

    @property
    def figures(self) -> Figures:
        """The figures that the controller would have of it."""
        of, answers = self.counts, self.counts["responses"]
        amount = amount_of(self.tokens)
        return Figures(
            responses=int(answers),
            errors=int(of["errors"]),
            ratings=int(of["ratings"]),
            rating_sum=of["rating_sum"],
            corrections=int(of["corrections"]),
            edit_sum=of["edit_sum"],
            tokens=amount,
            cost=replace(amount, mean=amount.mean * 1e-6, error=amount.error * 1e-6),
            scored={name: Trials(of[name], answers) for name in (REFUSAL, UNSAFE, FORMAT)},
        )


@dataclass(frozen=True, slots=True)
class Run:
    """How a rollout ended: taken back as surely worse, promoted, or given up as never fit."""

    state: RolloutState
    reason: str
    windows: int

    @property
    def harmed(self) -> bool:
        """Whether it was taken back as surely worse."""
        return self.state is RolloutState.ROLLED_BACK and "not judged fit" not in self.reason


def simulated(seed: int, candidate: Behaviour, stable: Behaviour, policy: RolloutPolicy = POLICY) -> Run:
    """Return the end of one rollout of a version that is not shadowed any more."""
    chance = default_rng(seed)
    rollout = Rollout(
        rollout_id="r", adapter_version="v2", previous_version="v1", state=RolloutState.CANARY, since=START
    )
    ours, theirs, windows, now = Sums(), Sums(), 0, START
    while True:
        windows, now = windows + 1, now + WINDOW
        taken = int(chance.binomial(ANSWERS_A_WINDOW, share_of(rollout, policy)))
        ours.add(chance, taken, candidate)
        theirs.add(chance, ANSWERS_A_WINDOW - taken, stable)
        seen = Observation(loaded=True, candidate=ours.figures, stable=theirs.figures, task="write")
        move = advanced(rollout, seen, policy, now)
        if move is None:
            continue
        if move.rollout.state in FINAL:
            return Run(move.rollout.state, move.rollout.reason, windows)
        rollout, ours, theirs = move.rollout, Sums(), Sums()


@dataclass(frozen=True, slots=True)
class Tally:
    """Shares of many rollouts by their ends."""

    runs: int
    harmed: float
    promoted: float
    windows_p50: int

    @classmethod
    def of(cls, runs: list[Run]) -> "Tally":
        """Count rollouts."""
        return cls(
            len(runs),
            sum(run.harmed for run in runs) / len(runs),
            sum(run.state is RolloutState.PROMOTED for run in runs) / len(runs),
            sorted(run.windows for run in runs)[len(runs) // 2],
        )


STABLE = Behaviour()
WORSE = {
    "rating": replace(STABLE, stars=(0.20, 0.20, 0.25, 0.20, 0.15)),
    "refusals": replace(STABLE, refusal=STABLE.refusal + 0.15),
    "unsafe": replace(STABLE, unsafe=STABLE.unsafe + 0.06),
    "length": replace(STABLE, tokens=STABLE.tokens * 3),
}
"""By what is worse: 1.1 stars of five, 15 points of refusals, 6 points of unsafe answers, three times as long."""
AT_MARGIN = {
    "rating": replace(STABLE, stars=(0.08, 0.09, 0.17, 0.32, 0.34)),
    "refusals": replace(STABLE, refusal=STABLE.refusal + POLICY.refusal_margin),
    "unsafe": replace(STABLE, unsafe=STABLE.unsafe + POLICY.unsafe_margin),
}
"""Exactly as much worse as the policy allows."""
