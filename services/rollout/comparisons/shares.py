"""Shares of what should not be, and means on a bounded scale as such: bad is 1, good is 0, and between them is room.

The variance of values in [0, 1] with mean p is at most p(1 - p), that of a share (Bhatia and Davis 2000), so the
intervals of shares hold for their means, and windows need to carry nothing but counts and sums. What that costs
is width where values lie between the ends: ratings that are mostly 3 to 5 need about three times the answers.
"""

from collections.abc import Callable
from dataclasses import dataclass

from services.rollout.comparisons.comparison import FITNESS_ALPHA, Pair, always_valid
from services.rollout.evidence.trials import Trials
from services.rollout.figures import Figures
from services.rollout.intervals import critical_value, difference


@dataclass(frozen=True, slots=True)
class Scale:
    """What a share of badness is called for people: `zero` where all is good, `zero + width` where all is bad."""

    zero: float = 0.0
    width: float = 1.0

    def shown(self, share: float) -> float:
        """Return the value that people know."""
        return self.zero + self.width * share


PLAIN = Scale()


@dataclass(frozen=True, slots=True)
class BadShare:
    """A share that may exceed stable's by a margin.

    Attributes:
        name: In the evidence.
        said: What it is, for people.
        of: The share of a version.
        margin: In units of the share.
        feedback: Whether people gave it. To go on it must then lie within the margin by its 95 % bound, or be no
            worse than stable's as observed; of the rest the observed difference must lie within the margin.
    """

    name: str
    said: str
    of: Callable[[Figures], Trials]
    margin: float
    feedback: bool = False
    scale: Scale = PLAIN

    def harm(self, pair: Pair) -> str:
        """Tell how much worse it is at least."""
        candidate, stable = self.of(pair.candidate), self.of(pair.stable)
        low = always_valid(candidate, stable, pair.alpha).low
        if low <= self.margin:
            return ""
        width = abs(self.scale.width)
        return (
            f"{self.compared(pair)} of {stable.count:.0f}: it is worse by at least {width * low:.3f}, "
            f"allowed is {width * self.margin:.3f}"
        )

    def lack(self, pair: Pair) -> str:
        """Tell by how much it may be worse, as far as fitness asks."""
        candidate, stable = self.of(pair.candidate), self.of(pair.stable)
        if not (candidate.count and stable.count):
            return ""
        excess = candidate.share - stable.share
        if not self.feedback:
            return "" if excess <= self.margin else self.compared(pair)
        both = (candidate.hits, candidate.count), (stable.hits, stable.count)
        high = difference(*both, critical_value(FITNESS_ALPHA)).high
        if excess <= 0 or high <= self.margin:
            return ""
        width = abs(self.scale.width)
        return f"{self.said} may be worse than stable's by {width * high:.3f}, allowed is {width * self.margin:.3f}"

    def compared(self, pair: Pair) -> str:
        """Return both values, side by side."""
        candidate, stable = self.of(pair.candidate), self.of(pair.stable)
        ours, theirs = self.scale.shown(candidate.share), self.scale.shown(stable.share)
        return f"{self.said} {ours:.3f} of {candidate.count:.0f} against stable's {theirs:.3f}"

    def evidence(self, pair: Pair) -> dict[str, float]:
        """Return both values and counts."""
        candidate, stable = self.of(pair.candidate), self.of(pair.stable)
        if not (candidate.count and stable.count):
            return {}
        return {
            f"canary_{self.name}": self.scale.shown(candidate.share),
            f"canary_{self.name}_count": candidate.count,
            f"stable_{self.name}": self.scale.shown(stable.share),
            f"stable_{self.name}_count": stable.count,
        }
