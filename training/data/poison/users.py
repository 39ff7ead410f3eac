"""People whose judgements contradict what everyone else's teach, more often than chance would have it. Pure."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import binom

from training.data.poison.claims import Claim, Doubts

LEVEL = 0.02
MARGIN = 0.2
WHOLLY = 0.5


def flippers(claims: Sequence[Claim], likely: Doubts) -> dict[str, float]:
    """Return who is doubted, and the share of their claims that is.

    A person's doubted claims are tested against everyone's share by the binomial distribution. Of those named at most
    LEVEL are honest by the procedure of Benjamini and Hochberg (1995), and where all are honest anyone is named with
    that chance. Besides, the share must be MARGIN above everyone's, because with many judgements a small difference
    is sure and means little. In everyone's share nobody counts for more than the median person does, so that few
    with many judgements do not pass for the rule.

    Args:
        claims: Those without a user are nobody's.
        likely: Each claim's probability of being right, out of fold.
    """
    doubted = likely < 0.5
    names = np.array([claim.user for claim in claims])
    people = sorted({*names.tolist()} - {""})
    given = np.array([(names == name).sum() for name in people])
    wrong = np.array([doubted[names == name].sum() for name in people])
    if not people:
        return {}
    votes = np.minimum(given, np.median(given))
    base = float((votes * wrong / given).sum() + 1) / float(votes.sum() + 2)
    shares = wrong / given
    chances = np.where(shares >= base + MARGIN, binom.sf(wrong - 1, given, base), 1.0)
    ordered = np.sort(chances)
    passed = np.flatnonzero(ordered <= LEVEL * np.arange(1, len(people) + 1) / len(people))
    limit = ordered[passed[-1]] if len(passed) else -1.0
    return {name: float(share) for name, share, chance in zip(people, shares, chances, strict=True) if chance <= limit}
