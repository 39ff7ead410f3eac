"""What every comparison is: figures of two versions in, what speaks against the candidate out."""

from dataclasses import dataclass
from typing import Protocol

from services.rollout.evidence.trials import Trials
from services.rollout.figures import Figures
from services.rollout.intervals import Interval, difference, information, sequential_critical_value

FITNESS_ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Pair:
    """Candidate and stable over the same time.

    Attributes:
        alpha: With what probability one comparison may ever claim harm of a candidate at its margin.
        min_count: How many judged answers of each fitness needs.
    """

    candidate: Figures
    stable: Figures
    alpha: float
    min_count: int


class Comparison(Protocol):
    """One question about a candidate. Each text is empty when nothing speaks against it, and one clause else."""

    def harm(self, pair: Pair) -> str:
        """Return why the candidate is worse than allowed, if that is sure however often one looks."""

    def lack(self, pair: Pair) -> str:
        """Return why it may not go on yet."""

    def evidence(self, pair: Pair) -> dict[str, float]:
        """Return the figures behind both; none of what neither version has."""


def always_valid(candidate: Trials, stable: Trials, alpha: float) -> Interval:
    """Return bounds of candidate's share less stable's, each wrong at any look with probability alpha at most."""
    z = sequential_critical_value(information(candidate.count, stable.count), alpha)
    return difference((candidate.hits, candidate.count), (stable.hits, stable.count), z)
