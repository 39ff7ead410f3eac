"""Confidence bounds on shares and their differences, and a critical value that survives being looked at often."""

import math
from dataclasses import dataclass
from statistics import NormalDist

from schemas.proportions import wilson_interval

# Where the sequential boundary is tightest, in units of information (see `information`): a few dozen
# judged answers, because a canary is meant to be judged by its first windows.
TIGHTEST_AT = 10.0


@dataclass(frozen=True, slots=True)
class Interval:
    """A two-sided interval."""

    low: float
    high: float


def critical_value(alpha: float) -> float:
    """Return z of a one-sided test at level alpha, for one look.

    Example:
        >>> round(critical_value(0.05), 3)
        1.645
    """
    return NormalDist().inv_cdf(1 - alpha)


def information(first: float, second: float) -> float:
    """Return 1 / (1/first + 1/second): how much two samples tell of the difference of their means."""
    return 0.0 if not (first and second) else 1 / (1 / first + 1 / second)


def sequential_critical_value(amount: float, alpha: float) -> float:
    """Return z of a one-sided test that may be repeated at every look, for all looks together at level alpha.

    The one-sided normal-mixture boundary of Howard, Ramdas, McAuliffe and Sekhon (2021),
    "Time-uniform, nonparametric, nonasymptotic confidence sequences", equation 14: with probability
    1 - alpha the standardised sum never crosses it, however often and whenever one looks. So no number
    of looks has to be planned or remembered. It rests on the normal approximation, like the mixture
    SPRT of Johari et al. (2022), "Always valid inference".

    Args:
        amount: Information so far, see `information`.
        alpha: Probability of ever crossing without cause.
    """
    if amount <= 0:
        return math.inf
    ratio = (amount + TIGHTEST_AT) / TIGHTEST_AT
    boundary = math.sqrt(2 * (amount + TIGHTEST_AT) * math.log(math.sqrt(ratio) / (2 * alpha) + 1))
    return boundary / math.sqrt(amount)


def difference(first: tuple[float, float], second: tuple[float, float], z: float) -> Interval:
    """Return Newcombe's hybrid score interval of a difference of shares, first minus second.

    Method 10 of Newcombe (1998), "Interval estimation for the difference between independent
    proportions". It holds its level for small samples and shares near 0 and 1, where the plain
    normal interval does not. Hits and counts need not be whole (schemas.proportions).

    Args:
        first: Hits and count.
        second: Hits and count.
        z: Critical value, one-sided for the bound that is used.
    """
    if not (first[1] and second[1]):
        return Interval(-1.0, 1.0)
    p, q = first[0] / first[1], second[0] / second[1]
    (p_low, p_high), (q_low, q_high) = wilson_interval(*first, z), wilson_interval(*second, z)
    low = p - q - math.hypot(p - p_low, q_high - q)
    high = p - q + math.hypot(p_high - p, q - q_low)
    return Interval(low, high)
