"""Folds of a cross-validation in which nobody's rows teach the model that judges them."""

import hashlib
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from training.data.duplicates import normalised
from training.data.poison.claims import Claim

FOLDS = 5
_LARGEST_SHARE = 1 / FOLDS


def folds_of(claims: Sequence[Claim], seed: int) -> npt.NDArray[np.int64]:
    """Return each claim's fold, (n,): a person's all in one, so that flips don't vouch for each other.

    Who is unknown, or gave more than a fold holds, is spread by prompt. Groups are dealt out largest first, each
    to the smallest fold, those of one size in an order by hash.
    """
    sizes = Counter(claim.user for claim in claims)
    groups = [
        ("user", claim.user)
        if claim.user and sizes[claim.user] <= len(claims) * _LARGEST_SHARE
        else ("prompt", normalised(claim.prompt))
        for claim in claims
    ]
    filled = [0] * FOLDS
    fold: dict[tuple[str, str], int] = {}
    counted = Counter(groups)
    for group in sorted(counted, key=lambda group: (-counted[group], _order(seed, *group))):
        fold[group] = min(range(FOLDS), key=lambda at: (filled[at], at))
        filled[fold[group]] += counted[group]
    return np.array([fold[group] for group in groups], np.int64)


def _order(*parts: object) -> bytes:
    return hashlib.sha256("\0".join(map(str, parts)).encode(errors="replace")).digest()
