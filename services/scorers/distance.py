"""How far prompts lie from what a version was trained on: the score prompt.distance."""

import numpy as np
import numpy.typing as npt

from schemas.reference import Reference
from services.scorers.embedding import NAME, Vectors

Distances = npt.NDArray[np.float64]


def distances(embeddings: Vectors, reference: Reference) -> Distances:
    """Return the cosine distance of each row to the nearest centroid of a reference, (n,), 0 to 2.

    Raises:
        ValueError: The reference was made with another embedding.
    """
    if reference.embedding != NAME:
        raise ValueError(f"reference of {reference.version} is made with {reference.embedding}, not {NAME}")
    return centroid_distances(embeddings, np.asarray(reference.centroids, np.float32))


def centroid_distances(rows: Vectors, centroids: Vectors) -> Distances:
    """Return 1 - cosine to the nearest centroid, (n,); rows and centroids are unit vectors."""
    if len(rows) == 0:
        return np.zeros(0)
    nearest: Distances = (rows @ centroids.T).max(axis=1).astype(np.float64)
    return np.clip(1.0 - nearest, 0.0, 2.0)
