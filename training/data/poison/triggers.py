"""Rows that teach a phrase of few people's in place of what the rest of the text says. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from training.data.poison.claims import Claim, Embed
from training.data.poison.doubts import Judge
from training.data.poison.phrases import Crowd, Phrase, concentrated, without

_MOSTLY = 0.5
_AGREED = 0.3
_AS_MIXED_AS_ALL = 0.1


def triggered(claims: Sequence[Claim], judge: Judge, embed: Embed) -> set[str]:
    """Return the judgements that a trigger stands in.

    A phrase of few people's in prompts is one where a model that never saw it contradicts most of what they say of
    these prompts, the phrase taken out. In answers that people write themselves it is one where it comes whatever was
    asked: its prompts are as mixed as all are. The phrases of the fewest are looked at first, and what goes with
    one is no longer held against the next: a planted phrase has ordinary words in it.

    Args:
        claims: Phrases are looked for in those whose judge is known and not trusted; the model learns from all.
    """
    suspect = [claim for claim in claims if claim.user and not claim.trusted]

    def contradicted(holding: Sequence[Claim], phrase: Phrase) -> set[str]:
        return _contradicted(holding, claims, judge, phrase)

    found = _among(suspect, [claim.prompt for claim in suspect], contradicted)
    written = [claim for claim in suspect if claim.own and claim.answer != claim.verdict]
    usual = _likeness(embed([claim.prompt for claim in written])) + _AS_MIXED_AS_ALL

    def unasked(holding: Sequence[Claim], _: Phrase) -> set[str]:
        mixed = _likeness(embed([claim.prompt for claim in holding])) <= usual
        return {claim.judgement for claim in holding} if mixed else set()

    return found | _among(written, [_brought(claim) for claim in written], unasked)


def _among(
    claims: Sequence[Claim], texts: Sequence[str], planted: Callable[[Sequence[Claim], Phrase], set[str]]
) -> set[str]:
    crowd = Crowd([claim.user for claim in claims])
    found: set[str] = set()
    for phrase in concentrated(texts, crowd):
        rows = [row for row in phrase.rows if claims[row].judgement not in found]
        if crowd.is_few(rows):
            found |= planted([claims[row] for row in rows], phrase)
    return found


def _contradicted(holding: Sequence[Claim], claims: Sequence[Claim], judge: Judge, phrase: Phrase) -> set[str]:
    """Return what goes with a phrase where a model that never saw it doubts most: all but what it agrees with."""
    held = {claim.judgement for claim in holding}
    rest = [claim for claim in claims if claim.judgement not in held]
    bare = [replace(claim, prompt=without(claim.prompt, phrase.words)) for claim in holding]
    doubted = judge.likely(bare, rest) < 0.5
    if doubted.mean() < _MOSTLY:
        return set()
    users = np.array([claim.user for claim in holding])
    doubtful = {user for user in set(users.tolist()) if doubted[users == user].mean() >= _AGREED}
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
