"""Shares of successes with their uncertainty: the one place for the arithmetic of accuracies."""

from math import isinf, sqrt

from schemas.learning import Accuracy

Z_95 = 1.959963984540054


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
