"""Whose answer to the same request is better, by the word of a judge."""

import math
from dataclasses import dataclass

from services.rollout.comparisons.comparison import Pair
from services.rollout.intervals import sequential_critical_value


@dataclass(frozen=True, slots=True)
class WinRate:
    """Share of pairs that the candidate wins, ties counting half, against one half.

    What lies in [0, 1] is sub-Gaussian with a standard deviation of one half (Hoeffding 1963), so here the boundary
    holds without the normal approximation. A pair without a word counts for and against nobody.

    Attributes:
        margin: How far below one half it may lie.
        needed: Pairs to ask about before the shadow ends well; those without a word count, so that an endpoint that
            is away holds nobody up.
    """

    margin: float
    needed: int

    def harm(self, pair: Pair) -> str:
        """Tell the share that it wins at most."""
        pairs = pair.candidate.pairs
        if not pairs.count:
            return ""
        high = pairs.share + sequential_critical_value(pairs.count, pair.alpha) / (2 * math.sqrt(pairs.count))
        if high >= 0.5 - self.margin:
            return ""
        return f"{self._won(pair)}: at most {high:.3f}, allowed is {0.5 - self.margin:.3f}"

    def lack(self, pair: Pair) -> str:
        """Ask for enough pairs, and for an observed share within the margin."""
        pairs, asked = pair.candidate.pairs, round(pair.candidate.pairs.count) + pair.candidate.unjudged
        if asked < self.needed:
            return f"{asked} pairs shown to the judge, {self.needed} needed"
        return self._won(pair) if pairs.count and pairs.share < 0.5 - self.margin else ""

    def evidence(self, pair: Pair) -> dict[str, float]:
        """Return the share, how many pairs it is of, and how many the judge gave no word on."""
        candidate = pair.candidate
        won = {"win_rate": candidate.pairs.share} if candidate.pairs.count else {}
        return {**won, "pairs": candidate.pairs.count, "pairs_unjudged": candidate.unjudged}

    def _won(self, pair: Pair) -> str:
        pairs = pair.candidate.pairs
        return f"it wins {pairs.share:.3f} of {pairs.count:.0f} pairs with stable's answers"
