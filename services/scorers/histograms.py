"""Bins between the quantiles of scores, which rounding can't move a score out of."""

import numpy as np
import numpy.typing as npt

from schemas.reference import ROUNDING, Histogram

BINS = 10

Values = npt.NDArray[np.float64]


def histogram(values: npt.ArrayLike, bins: int = BINS) -> Histogram:
    """Return the histogram of values between their own quantiles; tied quantiles make fewer bins.

    Where values repeat, up to rounding, an edge stands on either side of them and not on them: another batch size
    rounds the same score otherwise, and must not put it into another bin.

    Example:
        >>> histogram([0.0, 1.0, 2.0, 3.0], bins=2)
        Histogram(edges=(1.5,), proportions=(0.5, 0.5), count=4)
    """
    observed = np.sort(np.asarray(values, np.float64))
    if observed.size == 0:
        raise ValueError("a histogram needs at least one value")
    edges = bin_edges(observed, bins)
    counts = np.bincount(np.searchsorted(edges, observed, side="right"), minlength=len(edges) + 1)
    return Histogram(
        edges=tuple(map(float, edges)),
        proportions=tuple(map(float, counts / observed.size)),
        count=int(observed.size),
    )


def bin_edges(observed: Values, bins: int = BINS) -> Values:
    """Return the inner edges of bins for sorted values, ascending: at most two a quantile."""
    quantiles = np.quantile(observed, np.linspace(0, 1, bins + 1)[1:-1])
    return np.unique([edge for first, last in _clusters(quantiles) for edge in _edges(observed, first, last, bins)])


def _clusters(quantiles: Values) -> list[tuple[float, float]]:
    """Return first and last of the quantiles that are one value but for rounding, in order."""
    clusters: list[tuple[float, float]] = []
    for quantile in map(float, quantiles):
        if clusters and quantile - clusters[-1][0] <= 2 * ROUNDING:
            clusters[-1] = (clusters[-1][0], quantile)
        else:
            clusters.append((quantile, quantile))
    return clusters


def _edges(observed: Values, first: float, last: float, bins: int) -> tuple[float, ...]:
    """Return the edges that a cluster of quantiles makes: two about a value that repeats, else one."""
    low, high = first - ROUNDING, last + ROUNDING
    within = np.searchsorted(observed, high, side="right") - np.searchsorted(observed, low)
    return (low, high) if within >= observed.size / (2 * bins) else (first,)
