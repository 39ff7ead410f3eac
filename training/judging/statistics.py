"""The gate's arithmetic: how surely one version is better than another on the same prompts.

Two versions answer the same prompts, so what counts are the prompts on which they differ. With few
of them a plain bootstrap is overconfident: where no prompt differs it returns exactly 0 however small
the sample. Adding half a prompt won, half a prompt lost and one tied (for right and wrong answers: half
an observation to each cell of the paired 2x2 table, Agresti and Min 2005) keeps the bound honest at small
n and vanishes at large n. Of graded answers the added wins and losses are whole ones, so that a loss
which nobody has seen yet is reckoned with.
"""

from math import ceil, sqrt

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
Correct = npt.NDArray[np.bool_]

ONE_SIDED = 0.05
RESAMPLES = 10_000
GRADED_RESAMPLES = 2_000
_AT_ONCE = 4_000_000
_Z = 1.6448536


def difference_bound(candidate: Correct | Values, incumbent: Correct | Values, *, seed: int) -> float:
    """Return the lower one-sided 95 % confidence bound on candidate minus incumbent, prompt by prompt.

    Where every answer is right or wrong: a paired percentile bootstrap over prompts, smoothed as the module
    says; a resample is one multinomial draw, because the mean depends only on how many prompts were won, lost
    and tied. Of graded answers: the lower of that percentile and of the bootstrap-t bound (Efron and
    Tibshirani 1993, chapter 12), of which the first undercovers where losses are rare and large and the second
    where values are few.

    Args:
        candidate: (n,) what the candidate's answers are worth, in [0, 1], or whether they are right.
        incumbent: (n,) the same prompts.
        seed: Of the resampling.

    Returns:
        A number in [-1, 1]; -1 when there are no prompts, since nothing is known.
    """
    if candidate.shape != incumbent.shape:
        raise ValueError(f"not the same prompts: {candidate.shape} and {incumbent.shape}")
    if candidate.size == 0:
        return -1.0
    difference = candidate.astype(np.float64) - incumbent.astype(np.float64)
    random = np.random.default_rng(seed)
    if np.isin(difference, (-1.0, 0.0, 1.0)).all():
        return _of_right_and_wrong(difference, random)
    return _of_graded(difference, random)


def mean_interval(values: Values) -> tuple[float, float]:
    """Return a 95 % interval of the mean of values in [0, 1]: normal, with half a 0 and half a 1 added.

    Example:
        >>> [round(bound, 3) for bound in mean_interval(np.array([0.5] * 99))]
        [0.49, 0.51]
    """
    size = values.size + 1
    centre = (values.sum() + 0.5) / size
    spread = 1.959964 * np.sqrt(max(0.0, (np.square(values).sum() + 0.5) / size - centre**2) / size)
    mean = float(values.mean()) if values.size else 0.0
    return max(0.0, min(mean, float(centre - spread))), min(1.0, max(mean, float(centre + spread)))


def count_to_prove(margin: float) -> int:
    """Return how many prompts a set needs before a loss beyond `margin` can be ruled out at all.

    Where two versions agree on every prompt, only the added half observations vary, and the bound is
    -2 / (n + 2): two prompts more lost than won come up in 6 % of the resamples, three in 1 %.
    """
    return max(1, ceil(2 / margin) - 2) if margin > 0 else 1


def growth_bound(candidate: Values, incumbent: Values) -> float:
    """Return the upper one-sided 95 % confidence bound on how much a share grew, by the paired score test (Tango 1998).

    The gate rules a growth out by it: where a few more prompts have changed to worse than to better, a percentile
    bootstrap reaches too low and lets 6 % through in place of 5.

    Args:
        candidate: (n,) 1 or 0, prompt by prompt.
        incumbent: (n,) the same prompts.

    Returns:
        A number in [-1, 1]; 1 without prompts, since nothing is known.
    """
    size = candidate.size
    grew, shrank = int(np.sum(candidate > incumbent)), int(np.sum(candidate < incumbent))
    low, high = (grew - shrank) / size if size else -1.0, 1.0
    for _ in range(50 if size else 0):
        middle = (low + high) / 2
        low, high = (middle, high) if _score(grew, shrank, size, middle) > -_Z else (low, middle)
    return high


def count_to_rule_out(margin: float) -> int:
    """Return how many prompts `growth_bound` needs to come down to `margin` at all: where no prompt has changed."""
    return max(1, ceil(_Z**2 * (1 - margin) / margin)) if margin > 0 else 1


def _score(grew: int, shrank: int, size: int, growth: float) -> float:
    """Return how many standard errors the observed growth lies above an assumed one."""
    linear = (2 * size - grew + shrank) * growth - grew - shrank
    constant = -shrank * growth * (1 - growth)
    rest = (sqrt(max(0.0, linear**2 - 8 * size * constant)) - linear) / (4 * size)
    variance = size * (2 * rest + growth * (1 - growth))
    return (grew - shrank - size * growth) / sqrt(variance) if variance > 0 else 0.0


def _of_right_and_wrong(difference: Values, random: np.random.Generator) -> float:
    won, lost = int(np.sum(difference > 0)), int(np.sum(difference < 0))
    cells = np.array([won + 0.5, lost + 0.5, difference.size - won - lost + 1.0])
    size = difference.size + 2
    draws = random.multinomial(size, cells / size, RESAMPLES)
    return float(np.quantile((draws[:, 0] - draws[:, 1]) / size, ONE_SIDED))


def _of_graded(difference: Values, random: np.random.Generator) -> float:
    # Every difference twice and the added ones once or twice: their weights as whole numbers.
    pool = np.concatenate([difference, difference, [1.0, -1.0, 0.0, 0.0]])
    size = difference.size + 2
    drawn = list(_moments(pool, size, random))
    means = np.concatenate([mean for mean, _ in drawn])
    squares = np.concatenate([square for _, square in drawn])
    centre, spread = float(pool.mean()), _spread(float(np.square(pool).mean()) * size, float(pool.mean()), size)
    studentised = (means - centre) / _spread(squares, means, size)
    by_t = centre - float(np.quantile(studentised, 1 - ONE_SIDED)) * float(spread)
    return max(-1.0, min(float(np.quantile(means, ONE_SIDED)), by_t))


def _moments(pool: Values, size: int, random: np.random.Generator) -> "list[tuple[Values, Values]]":
    """Return mean and sum of squares of each resample, in blocks that fit the memory."""
    rows = max(1, min(GRADED_RESAMPLES, _AT_ONCE // size))
    blocks = []
    for start in range(0, GRADED_RESAMPLES, rows):
        sample = pool[random.integers(0, pool.size, (min(rows, GRADED_RESAMPLES - start), size))]
        blocks.append((sample.mean(axis=1), np.square(sample).sum(axis=1)))
    return blocks


def _spread(squares: Values | float, mean: Values | float, size: int) -> Values:
    # One whole difference more, so that a resample of equal values does not pass for certainty.
    return np.sqrt(np.maximum((np.asarray(squares) + 1.0) / (size + 1) - np.square(mean), 1e-12))
