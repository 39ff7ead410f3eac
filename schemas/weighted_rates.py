"""Rates of events that were judged in part: estimates weighted by the inverse of each one's chance, with intervals.

An event that had the chance p of being judged stands for 1/p events. `hajek` divides by the weights' sum and
needs nothing else (Hájek 1971); `horvitz_thompson` divides by the known number of events (Horvitz and Thompson
1952), which is closer where heavy and light weights meet, and wrong where a part of what was drawn could not be
judged. What was not judged, for whatever reason, is left out of all sums.

Both describe the rate that lies behind the traffic, not that of this very traffic: the variance is that of the
draw (Poisson sampling: each event for itself, with a known chance) and of the traffic (binomial) together, which
is the sum of w²(y - rate)² over the judged events, divided by the square of the sum of w.

The interval is the mid-P one (Lancaster 1961) between two beta distributions, as Clopper and Pearson's (1934) is
made of two: the observations with one more of the mean event's weight that was a miss, and with one more that was a
hit. Each has the mean and variance of such observations, as Fay and Feuer (1997) and Fay and Kim (2017) have it
for sums of weighted counts. Where no heavy hit was drawn, this alone says what one could have hidden: Wilson's
interval on an effective count is up to a third of the time too narrow there (docs/scores-sampling.md). The beta
distribution is taken by Paulson's (1942) approximation.

Sums of parts of the traffic add up.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import erf, sqrt

_HALVINGS = 48
_TAIL_95 = 0.025


@dataclass(slots=True)
class WeightedSums:
    """What estimates are made of.

    Attributes:
        count: Judged events.
        hits: Those of them that were hits.
        weight: Sum of the weights.
        weight_squared: Sum of their squares.
        hit_weight: Sum of the hits' weights.
        hit_weight_squared: Sum of their squares.
    """

    count: int = 0
    hits: int = 0
    weight: float = 0.0
    weight_squared: float = 0.0
    hit_weight: float = 0.0
    hit_weight_squared: float = 0.0

    @property
    def typical_weight(self) -> float:
        """The mean weight of all events, judged or not, as far as the judged ones tell."""
        return self.weight_squared / self.weight

    def add(self, *, hit: bool, probability: float) -> None:
        """Take a judged event.

        Raises:
            ValueError: The probability is no chance that something judged can have had.
        """
        if not 0 < probability <= 1:
            raise ValueError(f"sampling probability {probability} is not within (0, 1]")
        weight = 1 / probability
        self.count += 1
        self.weight += weight
        self.weight_squared += weight * weight
        if hit:
            self.hits += 1
            self.hit_weight += weight
            self.hit_weight_squared += weight * weight

    def as_misses(self) -> "WeightedSums":
        """Return the sums of the same events had none of them been a hit."""
        return WeightedSums(self.count, 0, self.weight, self.weight_squared)

    @classmethod
    def together(cls, parts: Iterable["WeightedSums"]) -> "WeightedSums":
        """Return the sums over all parts."""
        total = cls()
        for part in parts:
            total.count += part.count
            total.hits += part.hits
            total.weight += part.weight
            total.weight_squared += part.weight_squared
            total.hit_weight += part.hit_weight
            total.hit_weight_squared += part.hit_weight_squared
        return total


@dataclass(frozen=True, slots=True)
class WeightedRate:
    """An estimated rate and how sure it is.

    Attributes:
        low: Lower end of the 95 % interval.
        high: Its upper end.
        variance: Of the estimate.
        effective_count: So many events, all judged, would tell as much.
    """

    rate: float
    low: float
    high: float
    variance: float
    effective_count: float
    count: int


def hajek(sums: WeightedSums) -> WeightedRate:
    """Return the share of hits.

    Example:
        >>> sums = WeightedSums()
        >>> for _ in range(90): sums.add(hit=False, probability=0.1)
        >>> for _ in range(10): sums.add(hit=True, probability=1.0)
        >>> found = hajek(sums)
        >>> round(found.rate, 4), round(found.low, 4), round(found.high, 4)
        (0.011, 0.0051, 0.0427)

    Raises:
        ValueError: Nothing was judged.
    """
    if not sums.count:
        raise ValueError("nothing was judged")
    rate = sums.hit_weight / sums.weight
    misses_squared = sums.weight_squared - sums.hit_weight_squared
    variance = _spread(sums.hit_weight_squared, misses_squared, rate) / sums.weight**2
    one = sums.typical_weight
    heavy, more = one**2, sums.weight + one
    below, above = sums.hit_weight / more, (sums.hit_weight + one) / more
    spread_below = _spread(sums.hit_weight_squared, misses_squared + heavy, below) / more**2
    spread_above = _spread(sums.hit_weight_squared + heavy, misses_squared, above) / more**2
    ends = _interval(_beta(below, spread_below), _beta(above, spread_above))
    return _found(sums, rate, variance, ends)


def horvitz_thompson(sums: WeightedSums, events: int) -> WeightedRate:
    """Return the hits' weights over the number of events that could have been drawn.

    Raises:
        ValueError: Nothing was judged, or more than there were events.
    """
    if not 0 < sums.count <= events:
        raise ValueError(f"{sums.count} judged of {events}")
    rate = min(1.0, sums.hit_weight / events)
    variance = max(0.0, sums.hit_weight_squared - rate * sums.hit_weight) / events**2
    one = sums.typical_weight
    more = events + one
    below, above = min(1.0, sums.hit_weight / more), min(1.0, (sums.hit_weight + one) / more)
    spread_below = (sums.hit_weight_squared - below * sums.hit_weight) / more**2
    spread_above = (sums.hit_weight_squared + one**2 - above * (sums.hit_weight + one)) / more**2
    ends = _interval(_beta(below, spread_below), _beta(above, spread_above))
    return _found(sums, rate, variance, ends)


def _found(sums: WeightedSums, rate: float, variance: float, ends: tuple[float, float]) -> WeightedRate:
    # Without hits, or with nothing else, nothing spreads: Kish's (1965) count of the weights takes its place.
    kish = sums.weight**2 / sums.weight_squared
    effective = rate * (1 - rate) / variance if variance > 0 else kish
    return WeightedRate(rate, min(rate, ends[0]), max(rate, ends[1]), variance, effective, sums.count)


def _spread(hits_squared: float, misses_squared: float, rate: float) -> float:
    """Return the sum of w²(y - rate)²."""
    return hits_squared * (1 - rate) ** 2 + misses_squared * rate**2


def _beta(mean: float, variance: float) -> tuple[float, float] | None:
    """Return the parameters of the beta distribution with these moments; None where it is a single point."""
    if not 0 < mean < 1 or variance <= 0:
        return None
    both = mean * (1 - mean) / variance
    return mean * both, (1 - mean) * both


def _interval(below: tuple[float, float] | None, above: tuple[float, float] | None) -> tuple[float, float]:
    """Return where the two distributions' mean probability leaves 2.5 % on either side."""

    def probability(at: float) -> float:
        low = 1.0 if below is None else _beta_probability(at, *below)
        high = 0.0 if above is None else _beta_probability(at, *above)
        return (low + high) / 2

    low = 0.0 if below is None else _root(probability, _TAIL_95)
    high = 1.0 if above is None else _root(probability, 1 - _TAIL_95)
    return low, high


def _root(probability: Callable[[float], float], wanted: float) -> float:
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if probability(middle) < wanted else (low, middle)
    return (low + high) / 2


def _beta_probability(at: float, a: float, b: float) -> float:
    """Return P(X ≤ at) of a beta distribution, by Paulson's cube root."""
    ratio = (b * at / (a * (1 - at))) ** (1 / 3)
    normal = ((1 - 1 / (9 * b)) * ratio - (1 - 1 / (9 * a))) / sqrt(ratio * ratio / (9 * b) + 1 / (9 * a))
    return (1 + erf(normal / sqrt(2))) / 2
