"""What a version saw in training, as numbers: made by the trainer, compared with by quality and drift."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn.cluster import KMeans

from schemas.reference import ROUNDING, Histogram, Reference
from services.scorers.distance import centroid_distances
from services.scorers.embedding import NAME, Vectors
from services.scorers.prompts import PromptScorers

CLUSTERS = 64
BINS = 10
SEED = 7

Vectors64 = npt.NDArray[np.float64]


def build_reference(
    version: str, train_texts: Sequence[str], holdout_texts: Sequence[str], scorers: PromptScorers, *, seed: int = SEED
) -> Reference:
    """Return the yardstick of a version: centroids of training prompts, score histograms of held-out ones.

    Held-out, because training prompts lie nearer to their own centroids than any traffic can.

    Args:
        version: The adapter version.
        train_texts: At least one prompt.
        holdout_texts: Prompts of the same traffic, none of them trained on; at least one.
        scorers: The scorers that will judge the traffic.
        seed: Of k-means.
    """
    centroids = _centroids(scorers.embedder.embed(train_texts), seed)
    rows, scores = scorers.score(holdout_texts)
    scores["prompt.distance"] = centroid_distances(rows, centroids)
    return Reference(
        version=version,
        embedding=NAME,
        centroids=tuple(tuple(map(float, row)) for row in centroids),
        histograms={name: histogram(values) for name, values in scores.items()},
        scorers={"prompt.injection": scorers.injection.version, "prompt.harm": scorers.harm.version},
    )


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
    quantiles = np.quantile(observed, np.linspace(0, 1, bins + 1)[1:-1])
    edges = np.unique([edge for first, last in _clusters(quantiles) for edge in _edges(observed, first, last, bins)])
    counts = np.bincount(np.searchsorted(edges, observed, side="right"), minlength=len(edges) + 1)
    return Histogram(
        edges=tuple(map(float, edges)),
        proportions=tuple(map(float, counts / observed.size)),
        count=int(observed.size),
    )


def _clusters(quantiles: Vectors64) -> list[tuple[float, float]]:
    """Return first and last of the quantiles that are one value but for rounding, in order."""
    clusters: list[tuple[float, float]] = []
    for quantile in map(float, quantiles):
        if clusters and quantile - clusters[-1][0] <= 2 * ROUNDING:
            clusters[-1] = (clusters[-1][0], quantile)
        else:
            clusters.append((quantile, quantile))
    return clusters


def _edges(observed: Vectors64, first: float, last: float, bins: int) -> tuple[float, ...]:
    """Return the edges that a cluster of quantiles makes: two about a value that repeats, else one."""
    low, high = first - ROUNDING, last + ROUNDING
    within = np.searchsorted(observed, high, side="right") - np.searchsorted(observed, low)
    return (low, high) if within >= observed.size / (2 * bins) else (first,)


def _centroids(rows: Vectors, seed: int) -> Vectors:
    """Return unit vectors, (k, 256): the directions of k-means' centres; k is at most a tenth of the rows."""
    clusters = max(1, min(CLUSTERS, len(rows) // 10))
    centres = KMeans(clusters, n_init=3, random_state=seed).fit(rows).cluster_centers_.astype(np.float32)
    norms = np.linalg.norm(centres, axis=1, keepdims=True)
    return np.asarray(centres / np.where(norms > 0, norms, 1.0), np.float32)
