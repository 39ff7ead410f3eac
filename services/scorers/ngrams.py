"""Texts to hashed byte n-grams: the surface features of the heads, beside the embeddings.

Feature hashing after Weinberger et al. (2009), in numpy over whole texts, because scoring shares two
cores with a model server: 12,000 short texts/s, and no scikit-learn in the scoring process.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

BUCKET_BITS = 16
BUCKETS = 1 << BUCKET_BITS
LENGTHS = (3, 4, 5)
MAX_CHARACTERS = 2_000
MOST_KEPT = 128

_PRIME = np.uint32(16777619)


@dataclass(frozen=True, slots=True)
class NGrams:
    """Non-zero features of a batch, in coordinate form, sorted by row.

    Attributes:
        rows: Text of each entry.
        buckets: Its n-gram's bucket, below BUCKETS.
        weights: 1 + log(count), scaled so that each text has unit length.
        texts: How many texts the batch has.
    """

    rows: npt.NDArray[np.int64]
    buckets: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float32]
    texts: int

    def dot(self, coefficients: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Return each text's product with one coefficient a bucket, (texts,)."""
        return np.bincount(self.rows, self.weights * coefficients[self.buckets], self.texts).astype(np.float64)


def ngrams(texts: Sequence[str]) -> NGrams:
    """Return the features of texts; case and white space do not matter, nor what stands past 2,000 characters.

    Those of the last batch are kept: both heads look at the same prompts.
    """
    read = tuple(text[:MAX_CHARACTERS] for text in texts)
    return _last_batch(read) if len(read) <= MOST_KEPT else _ngrams(read)


def _ngrams(texts: Sequence[str]) -> NGrams:
    keys = [row for index, text in enumerate(texts) for row in _keys(index, text)]
    if not keys:
        return NGrams(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32), len(texts))
    present, counts = np.unique(np.concatenate(keys), return_counts=True)
    rows, buckets = present >> BUCKET_BITS, present & (BUCKETS - 1)
    weights = 1 + np.log(counts)
    lengths = np.sqrt(np.bincount(rows, weights * weights, len(texts)))
    return NGrams(rows, buckets, (weights / lengths[rows]).astype(np.float32), len(texts))


@lru_cache(1)
def _last_batch(texts: tuple[str, ...]) -> NGrams:
    return _ngrams(texts)


def _keys(index: int, text: str) -> list[npt.NDArray[np.int64]]:
    """Return, for each n, the bucket of each n-gram of a text with the text's index above it."""
    cleaned = f" {' '.join(text.lower().split())} "
    octets = np.frombuffer(cleaned.encode(errors="replace"), np.uint8).astype(np.uint32)
    return [(index << BUCKET_BITS) | _buckets(octets, n) for n in LENGTHS if len(octets) >= n]


def _buckets(octets: npt.NDArray[np.uint32], n: int) -> npt.NDArray[np.int64]:
    """Return the FNV-1a bucket of every run of n octets; n seeds it, so lengths do not collide by design."""
    end = len(octets) - n + 1
    hashes = np.full(end, (n * 2654435761) & 0xFFFFFFFF, np.uint32)
    for k in range(n):
        hashes = (hashes ^ octets[k : end + k]) * _PRIME
    hashes ^= hashes >> np.uint32(15)
    return (hashes & np.uint32(BUCKETS - 1)).astype(np.int64)
