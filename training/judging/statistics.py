"""The gate's arithmetic: intervals of shares, and how surely one version is better than another.

Two versions answer the same prompts, so what counts are the prompts on which they differ. With few
of them a plain bootstrap is overconfident: where no prompt differs it returns exactly 0 however small
the sample. Adding half an observation to each cell of the paired 2x2 table (Agresti and Min 2005)
keeps the bound honest at small n and vanishes at large n.
"""

from math import ceil

import numpy as np
import numpy.typing as npt

Correct = npt.NDArray[np.bool_]

ONE_SIDED = 0.05
RESAMPLES = 10_000


def difference_bound(candidate: Correct, incumbent: Correct, *, seed: int) -> float:
    """Return the lower one-sided 95 % confidence bound on candidate minus incumbent accuracy.

    Paired bootstrap over prompts, smoothed as the module says; a resample is one multinomial draw,
    because the mean depends only on how many prompts were won, lost and tied.

    Args:
        candidate: (n,) whether the candidate was right, prompt by prompt.
        incumbent: (n,) the same prompts.
        seed: Of the resampling.

    Returns:
        A number in [-1, 1]; -1 when there are no prompts, since nothing is known.
    """
    if candidate.shape != incumbent.shape:
        raise ValueError(f"not the same prompts: {candidate.shape} and {incumbent.shape}")
    if candidate.size == 0:
        return -1.0
    won, lost = int(np.sum(candidate & ~incumbent)), int(np.sum(incumbent & ~candidate))
    cells = np.array([won + 0.5, lost + 0.5, candidate.size - won - lost + 1.0])
    size = candidate.size + 2
    draws = np.random.default_rng(seed).multinomial(size, cells / size, RESAMPLES)
    return float(np.quantile((draws[:, 0] - draws[:, 1]) / size, ONE_SIDED))


def count_to_prove(margin: float) -> int:
    """Return how many prompts a set needs before a loss beyond `margin` can be ruled out at all.

    Where two versions agree on every prompt, only the added half observations vary, and the bound is
    -2 / (n + 2): two prompts more lost than won come up in 6 % of the resamples, three in 1 %.
    """
    return max(1, ceil(2 / margin) - 2) if margin > 0 else 1
