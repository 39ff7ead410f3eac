"""Texts that nearly repeat others, so that no training sees what is held out in other words."""

from collections.abc import Sequence

import numpy as np

from services.scorers.embedding import Embedder

NEAR = 0.9
_BLOCK = 2_000


def near(texts: Sequence[str], others: Sequence[str], embedder: Embedder) -> set[int]:
    """Return the indices of the texts whose cosine to one of the others is at least NEAR.

    By the static embedding, so word order doesn't matter: a sentence turned round is near itself.
    """
    if not texts or not others:
        return set()
    reference = embedder.embed(others)
    close: set[int] = set()
    for start in range(0, len(texts), _BLOCK):
        cosines = embedder.embed(texts[start : start + _BLOCK]) @ reference.T
        close |= {start + int(index) for index in np.flatnonzero(cosines.max(axis=1) >= NEAR)}
    return close
