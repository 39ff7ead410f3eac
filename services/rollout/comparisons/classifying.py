"""The comparisons of an app that classifies; failed calls and latency are compared of every app."""

import math
from dataclasses import dataclass

from schemas.observations import Sketch
from schemas.sketches import quantile
from services.rollout.comparisons.comparison import FITNESS_ALPHA, Pair, always_valid
from services.rollout.evidence.trials import Trials
from services.rollout.intervals import critical_value, difference, information, sequential_critical_value

TAIL = 0.95


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Accuracy by feedback, and enough of it: without judged answers of both nobody goes on."""

    margin: float

    def harm(self, pair: Pair) -> str:
        """Tell what its upper bound, always valid, lies below."""
        candidate, stable = pair.candidate, pair.stable
        high = self._high(pair)
        if high >= -self.margin:
            return ""
        return (
            f"accuracy {candidate.accuracy:.3f} of {candidate.judged} is below stable's {stable.accuracy:.3f} of "
            f"{stable.judged}: the difference is at most {high:+.3f}, allowed is {-self.margin:+.3f}"
        )

    def lack(self, pair: Pair) -> str:
        """Ask for a lower bound above the margin, or an observed accuracy that is not below stable's."""
        candidate, stable = pair.candidate, pair.stable
        if min(candidate.judged, stable.judged) < pair.min_count:
            judged = f"{candidate.judged} answers judged, {stable.judged} of stable's"
            return f"{judged}; {pair.min_count} needed of each"
        low = self._low(pair)
        if low >= -self.margin or candidate.accuracy >= stable.accuracy:
            return ""
        return f"accuracy may be worse than stable's by {-low:.3f}, allowed is {self.margin:.3f}"

    def evidence(self, pair: Pair) -> dict[str, float]:
        """Return both bounds of the difference and the one that is asked for."""
        return {"difference_low": self._low(pair), "difference_high": self._high(pair), "bound": -self.margin}

    def _low(self, pair: Pair) -> float:
        candidate, stable = pair.candidate, pair.stable
        both = (candidate.correct, candidate.judged), (stable.correct, stable.judged)
        return difference(*both, critical_value(FITNESS_ALPHA)).low

    def _high(self, pair: Pair) -> float:
        candidate, stable = pair.candidate, pair.stable
        both = Trials(candidate.correct, candidate.judged), Trials(stable.correct, stable.judged)
        return always_valid(*both, pair.alpha).high


@dataclass(frozen=True, slots=True)
class Errors:
    """Share of calls that failed; to go on, the observed shares must keep within the margin."""

    margin: float

    def harm(self, pair: Pair) -> str:
        """Tell how many calls failed, if that is surely too many."""
        candidate, stable = pair.candidate, pair.stable
        both = Trials(candidate.errors, candidate.responses), Trials(stable.errors, stable.responses)
        if always_valid(*both, pair.alpha).low <= self.margin:
            return ""
        return (
            f"{candidate.errors} of {candidate.responses} calls failed, "
            f"{stable.errors} of {stable.responses} of stable's"
        )

    def lack(self, pair: Pair) -> str:
        """Ask for observed shares within the margin."""
        candidate, stable = pair.candidate, pair.stable
        if candidate.error_ratio - stable.error_ratio <= self.margin:
            return ""
        return f"error ratio {candidate.error_ratio:.3f} against stable's {stable.error_ratio:.3f}"

    def evidence(self, pair: Pair) -> dict[str, float]:
        """Return nothing: the judge tells both shares of every app."""
        return {}


@dataclass(frozen=True, slots=True)
class TailLatency:
    """95th percentile of latency, by the bounds of its rank (Conover 1999, section 3.2)."""

    ratio: float

    def harm(self, pair: Pair) -> str:
        """Tell the bounds that are too far apart."""
        candidate, stable = pair.candidate.latency, pair.stable.latency
        if candidate is None or stable is None or candidate.count < pair.min_count:
            return ""
        z = sequential_critical_value(information(candidate.count, stable.count), pair.alpha)
        low, high = _tail_bound(candidate, -z), _tail_bound(stable, z)
        if low <= self.ratio * high:
            return ""
        return f"p95 latency is at least {low:.0f} ms, more than {self.ratio:g} times stable's {high:.0f} ms"

    def lack(self, pair: Pair) -> str:
        """Ask for a lower bound within the ratio."""
        candidate, stable = pair.candidate.latency, pair.stable.latency
        if candidate is None or stable is None:
            return ""
        low = _tail_bound(candidate, -critical_value(FITNESS_ALPHA))
        allowed = self.ratio * quantile(stable, TAIL)
        return "" if low <= allowed else f"p95 latency is at least {low:.0f} ms, allowed is {allowed:.0f} ms"

    def evidence(self, pair: Pair) -> dict[str, float]:
        """Return nothing: the judge tells both quantiles of every app, in shadow too."""
        return {}


def _tail_bound(sketch: Sketch, z: float) -> float:
    """Return the value at the tail's rank moved by z standard deviations of the rank."""
    return quantile(sketch, TAIL + z * math.sqrt(TAIL * (1 - TAIL) / max(sketch.count, 1)))
