"""Near-duplicates: prompts that say the same in other words would train twice and leak into the hold-out."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
SIMILAR = 0.95
_BLOCK = 512


def originals(rows: Vectors, *, threshold: float = SIMILAR) -> list[int]:
    """Return, for each row, the kept row that it repeats, or -1 where it is kept itself.

    Greedy in the order given: a row is dropped when its cosine to a row kept before it is above the
    threshold, so what must survive comes first.

    Args:
        rows: (n, d) unit vectors; a zero row repeats nothing.
        threshold: Cosine above which two prompts count as one.
    """
    found = [-1] * len(rows)
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK] @ rows[: start + _BLOCK].T
        for inside, similar in enumerate(block):
            found[start + inside] = _first_kept(similar[: start + inside], found, threshold)
    return found


def _first_kept(similar: npt.NDArray[np.float32], found: Sequence[int], threshold: float) -> int:
    return next((row for row in np.flatnonzero(similar > threshold).tolist() if found[row] == -1), -1)


def normalised(text: str) -> str:
    """Return a text as repetitions are recognised by: case and white space don't tell texts apart."""
    return " ".join(text.casefold().split())
