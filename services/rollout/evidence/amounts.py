"""Means of what has no bound, length and cost, from windows that hold nothing but sums.

A window counts as one observation: its sum less the mean's share of it, so that the variance is that of a ratio
of sums over clusters (Cochran 1977, "Sampling Techniques", section 6.3). Nothing is assumed of single answers,
however long one may be, nor that those of one window are independent of each other.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

# Fewer windows don't say how much they differ.
LEAST_WINDOWS = 6


@dataclass(frozen=True, slots=True)
class Amount:
    """A mean by answer.

    Attributes:
        error: Standard error of the mean.
        windows: How many it is estimated from.
    """

    mean: float = 0.0
    error: float = 0.0
    windows: int = 0

    @property
    def known(self) -> bool:
        """Whether it can be compared."""
        return self.windows >= LEAST_WINDOWS and self.mean > 0


NO_AMOUNT = Amount()


def amount_of(windows: Iterable[tuple[float, float]]) -> Amount:
    """Return the mean over windows, each given by its sum and by how many answers that is the sum of.

    Example:
        >>> amount_of([(100, 10), (120, 10), (110, 10), (90, 10)]).mean
        10.5
    """
    taken = [(total, count) for total, count in windows if count > 0]
    answers = sum(count for _, count in taken)
    if len(taken) < 2 or not answers:
        return NO_AMOUNT
    mean = sum(total for total, _ in taken) / answers
    squares = sum((total - mean * count) ** 2 for total, count in taken)
    error = math.sqrt(squares * len(taken) / (len(taken) - 1)) / answers
    return Amount(mean, error, len(taken))


def log_ratio(first: Amount, second: Amount) -> tuple[float, float]:
    """Return the logarithm of two known means' ratio and its standard error, by the delta method."""
    return math.log(first.mean / second.mean), math.hypot(first.error / first.mean, second.error / second.mean)


def widened(z: float, windows: float) -> float:
    """Return z made as much wider as Student's t is with an error estimated from so many windows (Wallace 1959).

    Example:
        >>> round(widened(1.96, 11), 2)  # t of 10 degrees of freedom at 97.5 % is 2.23
        2.23
    """
    freedom = max(1.0, windows - 1)
    scaled = z * (8 * freedom + 3) / (8 * freedom + 1)
    return math.sqrt(freedom * math.expm1(min(700.0, scaled * scaled / freedom)))
