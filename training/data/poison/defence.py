"""Which judgements are not learnt from because they were given to spoil what is learnt. Deterministic.

In this order: bursts of look-alikes; people who contradict everyone else, again after each round, because models
learn better without them; triggers; and where any of these shows an attack, single claims that are
least likely. Without sign of an attack nothing is removed: a hard row is no poison.
"""

from collections.abc import Callable, Sequence

import numpy as np

from training.data.duplicates import Vectors
from training.data.poison.bursts import bursts
from training.data.poison.claims import Claim, Embed, Reason
from training.data.poison.doubts import Judge, out_of_fold
from training.data.poison.triggers import triggered
from training.data.poison.users import WHOLLY, flippers

ROUNDS = 4
LEAST_LIKELY = 0.1
MOST_SINGLY = 0.02
LEAST_CLAIMS = 40


def poisoned(
    claims: Sequence[Claim], make_judge: Callable[[Embed], Judge], embed: Embed, *, seed: int
) -> dict[str, Reason]:
    """Return the judgements to remove, each with its reason; none of fewer than LEAST_CLAIMS claims.

    Args:
        claims: Whose judge is unknown is subject to the last step alone, whose judge is trusted to the last as well,
            and there only where people's own test names them.
        make_judge: What weighs a claim, given how texts become vectors.
        embed: Texts to unit vectors.
    """
    found: dict[str, Reason] = {}
    if len(claims) < LEAST_CLAIMS or not any(claim.user for claim in claims):
        return found
    embed = _remembering(embed)
    judge = make_judge(embed)
    found |= dict.fromkeys(sorted(bursts(claims, embed)), "poison_burst")
    for _ in range(ROUNDS):
        left = [claim for claim in claims if claim.judgement not in found]
        more = _of_flippers(left, judge, seed)
        found |= more
        if not more:
            break
    left = [claim for claim in claims if claim.judgement not in found]
    found |= dict.fromkeys(sorted(triggered(left, judge, embed)), "poison_trigger")
    return found | _unlikely([c for c in claims if c.judgement not in found], judge, seed) if found else found


def _of_flippers(claims: Sequence[Claim], judge: Judge, seed: int) -> dict[str, Reason]:
    """Return what goes of people who flip: everything where most is doubted, else what is; of the trusted the least
    likely alone."""
    likely = out_of_fold(judge, claims, seed)
    shares = flippers(claims, likely)
    found: dict[str, Reason] = {}
    for claim, chance in zip(claims, likely.tolist(), strict=True):
        share = shares.get(claim.user, 0.0)
        if claim.trusted and share and chance < LEAST_LIKELY:
            found[claim.judgement] = "poison_label"
        elif share and not claim.trusted and (share >= WHOLLY or chance < 0.5):
            found[claim.judgement] = "poison_user"
    return found


def _unlikely(claims: Sequence[Claim], judge: Judge, seed: int) -> dict[str, Reason]:
    """Return the least likely of what is left, at most MOST_SINGLY of it; nothing of the trusted."""
    likely = out_of_fold(judge, claims, seed).tolist()
    rows = sorted((chance, claim.judgement) for claim, chance in zip(claims, likely, strict=True) if not claim.trusted)
    most = int(MOST_SINGLY * len(claims))
    return {judgement: "poison_label" for chance, judgement in rows[:most] if chance < LEAST_LIKELY}


def _remembering(embed: Embed) -> Embed:
    """Return an embedding that does each text once."""
    known: dict[str, Vectors] = {}

    def remembered(texts: Sequence[str]) -> Vectors:
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        known.update(zip(missing, embed(missing), strict=True) if missing else ())
        return np.array([known[text] for text in texts], np.float32) if texts else embed(texts)

    return remembered
