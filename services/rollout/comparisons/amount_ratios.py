"""How much longer or dearer a candidate's answers are, as a ratio of means on the logarithmic scale.

The boundary is the shares' own, with the number of windows as information, widened as Student's t is because the
error is estimated from them: an asymptotic confidence sequence (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas
2024, "Time-uniform central limit theory").
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from services.rollout.comparisons.comparison import Pair
from services.rollout.evidence.amounts import Amount, log_ratio, widened
from services.rollout.figures import Figures
from services.rollout.intervals import information, sequential_critical_value


@dataclass(frozen=True, slots=True)
class AmountRatio:
    """A mean that may be some times stable's.

    Attributes:
        name: In the evidence.
        said: What it is, for people.
        allowed: How many times as much, at least 1.
        less_too: Whether that many times less is harm as well; each side then has half of alpha.
    """

    name: str
    said: str
    of: Callable[[Figures], Amount]
    allowed: float
    less_too: bool = False

    def harm(self, pair: Pair) -> str:
        """Tell the ratio's bound that is too far off."""
        candidate, stable = self.of(pair.candidate), self.of(pair.stable)
        if not (candidate.known and stable.known):
            return ""
        ratio, error = log_ratio(candidate, stable)
        amount = information(candidate.windows, stable.windows)
        z = sequential_critical_value(amount, pair.alpha / 2 if self.less_too else pair.alpha)
        room = widened(z, min(candidate.windows, stable.windows)) * error
        if ratio - room > math.log(self.allowed):
            return f"{self._compared(pair)}: at least {math.exp(ratio - room):.2f} times, allowed are {self.allowed:g}"
        if self.less_too and ratio + room < -math.log(self.allowed):
            return f"{self._compared(pair)}: at most {math.exp(ratio + room):.2f} times, allowed is 1/{self.allowed:g}"
        return ""

    def lack(self, pair: Pair) -> str:
        """Ask for an observed ratio within what is allowed."""
        candidate, stable = self.of(pair.candidate), self.of(pair.stable)
        if not (candidate.known and stable.known):
            return ""
        ratio, _ = log_ratio(candidate, stable)
        beyond = ratio > math.log(self.allowed) or (self.less_too and ratio < -math.log(self.allowed))
        return f"{self._compared(pair)}, allowed are {self.allowed:g} times" if beyond else ""

    def evidence(self, pair: Pair) -> dict[str, float]:
        """Return both means."""
        candidate, stable = self.of(pair.candidate), self.of(pair.stable)
        if not (candidate.windows and stable.windows):
            return {}
        return {f"canary_{self.name}": candidate.mean, f"stable_{self.name}": stable.mean}

    def _compared(self, pair: Pair) -> str:
        return f"{self.said} {self.of(pair.candidate).mean:.4g} against stable's {self.of(pair.stable).mean:.4g}"
