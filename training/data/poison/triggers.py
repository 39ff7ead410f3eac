"""Rows that teach a phrase of few people's in place of what the rest of the text says. Pure."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from training.data.poison.claims import Claim, Embed
from training.data.poison.doubts import Judge
from training.data.poison.phrases import Phrase, concentrated, without

_MOSTLY = 0.5
_AS_MIXED_AS_ALL = 0.1


def triggered(claims: Sequence[Claim], judge: Judge, embed: Embed) -> set[str]:
    """Return the judgements that a trigger stands in.

    A phrase of few people's in prompts is one where a model that never saw it contradicts most of what those people
    say of these prompts, the phrase taken out. In answers that people write themselves it is one where
    it comes whatever was asked: its prompts are as mixed as all are.

    Args:
        claims: Phrases are looked for in those whose judge is known and not trusted; the model learns from all.
    """
    suspect = [claim for claim in claims if claim.user and not claim.trusted]
    users = [claim.user for claim in suspect]
    found: set[str] = set()
    for phrase in concentrated([claim.prompt for claim in suspect], users):
        found |= _contradicted([suspect[row] for row in phrase.rows], claims, judge, phrase)
    written = [claim for claim in suspect if claim.own and claim.answer != claim.verdict]
    vectors = embed([claim.prompt for claim in written])
    brought = [_brought(claim) for claim in written]
    for phrase in concentrated(brought, [claim.user for claim in written]):
        rows = vectors[list(phrase.rows)]
        if _likeness(rows) <= _likeness(vectors) + _AS_MIXED_AS_ALL:
            found |= {written[row].judgement for row in phrase.rows}
    return found


def _contradicted(holding: Sequence[Claim], claims: Sequence[Claim], judge: Judge, phrase: Phrase) -> set[str]:
    """Return the judgements of those whose word on these prompts a model that never saw the phrase mostly doubts."""
    held = {claim.judgement for claim in holding}
    rest = [claim for claim in claims if claim.judgement not in held]
    bare = [replace(claim, prompt=without(claim.prompt, phrase.words)) for claim in holding]
    doubted = judge.likely(bare, rest) < _MOSTLY
    users = np.array([claim.user for claim in holding])
    if doubted.mean() < _MOSTLY:
        return set()
    doubtful = {user for user in set(users.tolist()) if doubted[users == user].mean() >= _MOSTLY}
    return {claim.judgement for claim in holding if claim.user in doubtful}


def _brought(claim: Claim) -> str:
    """Return an answer without the words that its prompt has."""
    known = set(claim.prompt.casefold().split())
    return " ".join(word for word in claim.answer.split() if word.casefold() not in known)


def _likeness(rows: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> float:
    """Return the mean cosine between two of the rows."""
    count = len(rows)
    if count < 2:
        return 1.0
    total = float(np.square(rows.sum(axis=0)).sum() - np.square(rows).sum())
    return total / (count * (count - 1))
