"""From when on a window's PSI is drift: what the reference's own windows of that size reach, as rarely as is wished."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from schemas.false_alarms import FalseAlarms
from stream_processors.detectors.population_stability import PRIOR, PopulationStability

DRAWS = 20_000
TAIL = 0.01
FINEST = 32
_SEED = 7

Counts = npt.NDArray[np.int64]


def threshold(psi: PopulationStability, size: int, alarms: FalseAlarms, *, seconds: float) -> float:
    """Return the PSI that windows of `size` values like the reference pass as rarely as is wished.

    By resampling: what the reference's proportions may truly be (Bayesian bootstrap, Rubin 1981, with
    Jeffreys' prior), and windows of as many values drawn from each. So a small reference, a small window,
    empty and tied bins need no rule of their own. A reference of unknown size counts as one as large as
    the window. Rarer than TAIL, the draws' own tail is drawn out as an exponential, which falls more
    slowly than PSI's, so the threshold errs on the quiet side; so it does by rounding the size down a
    little, by which windows of about the same size share their threshold.

    The same for the same arguments always: the generator is NumPy's frozen one (NEP 19).

    Args:
        psi: The comparison with the reference.
        size: Values in the window.
        alarms: How many false ones are wished for.
        seconds: How long a window is.
    """
    rounded = _rounded(size)
    return _threshold(psi, rounded, alarms.chance(count=rounded, seconds=seconds))


def _rounded(size: int) -> int:
    """Return the size with the bits below its leading six cut off: at most 3 % less."""
    step = 1 << max(0, size.bit_length() - FINEST.bit_length())
    return size - size % step


@lru_cache(maxsize=4096)
def _threshold(psi: PopulationStability, size: int, chance: float) -> float:
    drawn = np.sort(_indices(_windows(np.asarray(psi.expected), psi.known or size, size), psi, size))
    if chance >= TAIL:
        return float(np.quantile(drawn, 1 - chance))
    edge = float(np.quantile(drawn, 1 - TAIL))
    beyond = drawn[drawn > edge] - edge
    return edge + (float(beyond.mean()) * float(np.log(TAIL / chance)) if beyond.size else 0.0)


def _windows(expected: npt.NDArray[np.float64], known: int, size: int) -> Counts:
    """Return (DRAWS, bins): counts of windows of `size` values, of proportions known from `known` values."""
    rng = np.random.RandomState(_SEED)
    true = rng.standard_gamma(expected * known + PRIOR, (DRAWS, len(expected)))
    rest, left = true.sum(axis=1), np.full(DRAWS, size)
    counts = np.zeros(true.shape, np.int64)
    for place in range(len(expected) - 1):
        counts[:, place] = rng.binomial(left, np.clip(true[:, place] / rest, 0, 1))
        left = left - counts[:, place]
        rest = np.maximum(rest - true[:, place], np.finfo(np.float64).tiny)
    counts[:, -1] = left
    return counts


def _indices(counts: Counts, psi: PopulationStability, size: int) -> npt.NDArray[np.float64]:
    """Return the PSI of each row, as PopulationStability.measure does."""
    total = size + PRIOR * counts.shape[1]
    found, expected = counts + PRIOR, np.asarray(psi.expected) * size + PRIOR
    return np.asarray(((found - expected) / total * np.log(found / expected)).sum(axis=1))
