"""Shares of successes with their uncertainty: the one place for the arithmetic of accuracies and baselines."""

import math
from collections.abc import Callable
from math import isinf, sqrt

from schemas.learning import Accuracy

Z_95 = 1.959963984540054
STEPS, TERMS = 60, 1000
EDGE = 1e-9


def wilson_interval(successes: float, count: float, z: float = Z_95) -> tuple[float, float]:
    """Return the Wilson score interval of a proportion (Wilson 1927); (0, 1) when count is 0.

    Neither need be whole: a sum of values in [0, 1] spreads no wider than a count of successes with the same mean
    (Bhatia and Davis 2000), and of a weighted sample the effective count stands for the count.

    Raises:
        ValueError: successes is not within [0, count].

    Example:
        >>> [round(bound, 3) for bound in wilson_interval(90, 100)]
        [0.826, 0.945]
    """
    if not 0 <= successes <= count:
        raise ValueError(f"{successes} successes of {count}")
    if count == 0 or isinf(z):
        return 0.0, 1.0
    share = successes / count
    centre = share + z * z / (2 * count)
    spread = z * sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    scale = 1 + z * z / count
    # The interval holds the share itself, which rounding may put a hair outside.
    return max(0.0, min(share, (centre - spread) / scale)), min(1.0, max(share, (centre + spread) / scale))


def accuracy(correct: int, count: int) -> Accuracy:
    """Return an accuracy with its Wilson 95 % interval."""
    low, high = wilson_interval(correct, count)
    return Accuracy(correct=correct, count=count, low=low, high=high)


def proportion_bounds(ones: float, count: int, *, miss: float) -> tuple[float, float]:
    """Return bounds that a proportion lies below, and above, with a chance of `miss` each (Clopper and Pearson 1934).

    Example:
        >>> [round(bound, 4) for bound in proportion_bounds(50, 500, miss=0.1)]
        [0.083, 0.1194]
    """
    low = _crossing(lambda p: _beta(p, ones, count - ones + 1) >= miss) if ones > 0 else 0.0
    high = _crossing(lambda p: _beta(p, ones + 1, count - ones) >= 1 - miss) if ones < count else 1.0
    return _inside(low), _inside(high)


def mean_bounds(total: float, count: int, *, miss: float) -> tuple[float, float]:
    """Return the same of the mean of any values in [0, 1], which lie wider (Hoeffding 1963, theorem 1)."""
    mean, most = total / count, -math.log(miss) / count
    low = _crossing(lambda p: p >= mean or _divergence(mean, p) <= most)
    high = _crossing(lambda p: p > mean and _divergence(mean, p) >= most)
    return _inside(low), _inside(high)


def _inside(bound: float) -> float:
    return min(1 - EDGE, max(EDGE, bound))


def _crossing(holds: Callable[[float], bool]) -> float:
    """Return where in (0, 1) a condition begins to hold that goes on holding."""
    low, high = 0.0, 1.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return (low + high) / 2


def _divergence(mean: float, other: float) -> float:
    """Return the Kullback-Leibler divergence of a coin of one mean from one of another."""
    heads = mean * math.log(mean / other) if mean > 0 else 0.0
    tails = (1 - mean) * math.log((1 - mean) / (1 - other)) if mean < 1 else 0.0
    return heads + tails


def _beta(x: float, a: float, b: float) -> float:
    """Return the regularised incomplete beta function, by its continued fraction (NIST DLMF 8.17.22) and Lentz."""
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta(1 - x, b, a)
    log = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1))
    fraction = d
    for m in range(1, TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for part in (even, odd):
            c, d = 1 + part / c, 1 / (1 + part * d)
            fraction *= c * d
        if abs(c * d - 1) < 1e-14:
            break
    return math.exp(log) * fraction / a
