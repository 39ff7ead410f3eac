"""Look-alike feedback in bursts: the same verdict on the same words, again and again, by few, within minutes. Pure."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from training.data.duplicates import originals
from training.data.poison.claims import Claim, Embed

SPAN = timedelta(minutes=10)
LEAST = 8
EACH = 3


def bursts(claims: Sequence[Claim], embed: Embed) -> set[str]:
    """Return the judgements of bursts: at least LEAST look-alikes within SPAN of people who gave EACH or more of them.

    What many people say once each is popular, not a burst, and stays.

    Args:
        claims: Those whose judge is unknown or trusted belong to none.
    """
    suspect = sorted((c for c in claims if c.user and not c.trusted), key=lambda claim: (claim.at, claim.judgement))
    alike = originals(embed([f"{claim.prompt}\n{claim.answer}" for claim in suspect]))
    groups: dict[tuple[str, int], list[Claim]] = {}
    for at, (claim, original) in enumerate(zip(suspect, alike, strict=True)):
        groups.setdefault((claim.verdict, at if original == -1 else original), []).append(claim)
    return {judgement for group in groups.values() if len(group) >= LEAST for judgement in _within(group)}


def _within(group: Sequence[Claim]) -> set[str]:
    found: set[str] = set()
    start = 0
    for end, last in enumerate(group):
        while last.at - group[start].at > SPAN:
            start += 1
        window = group[start : end + 1]
        if len(window) >= LEAST:
            by = Counter(claim.user for claim in window)
            busy = [claim.judgement for claim in window if by[claim.user] >= EACH]
            found |= set(busy) if len(busy) >= LEAST else set()
    return found
