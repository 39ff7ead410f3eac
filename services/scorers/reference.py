"""What a version saw in training, as numbers: made by the trainer, compared with by quality and drift."""

from collections.abc import Sequence

import numpy as np
from sklearn.cluster import KMeans

from schemas.reference import Reference
from services.scorers.distance import centroid_distances
from services.scorers.embedding import NAME, Vectors
from services.scorers.histograms import histogram
from services.scorers.prompts import PromptScorers

CLUSTERS = 64
SEED = 7


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


def _centroids(rows: Vectors, seed: int) -> Vectors:
    """Return unit vectors, (k, 256): the directions of k-means' centres; k is at most a tenth of the rows."""
    clusters = max(1, min(CLUSTERS, len(rows) // 10))
    centres = KMeans(clusters, n_init=3, random_state=seed).fit(rows).cluster_centers_.astype(np.float32)
    norms = np.linalg.norm(centres, axis=1, keepdims=True)
    return np.asarray(centres / np.where(norms > 0, norms, 1.0), np.float32)
