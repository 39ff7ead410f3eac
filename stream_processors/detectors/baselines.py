"""Confidence bounds of a mean that is known from a sample: what a detector may take for its baseline."""

import math
from collections.abc import Callable

STEPS, TERMS = 60, 1000
EDGE = 1e-9


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
