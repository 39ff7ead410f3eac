"""Which calls a scorer sees: a share of them, derived from their ids, so that a replay chooses the same. Pure."""

import hashlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

from schemas.inference import InferenceResponded
from schemas.observations import RecordedScore
from services.scorers.contract import Card

_RANGE = 1 << 64


class Judged(NamedTuple):
    """A call and what has been said of it so far.

    Attributes:
        scores: Of the scorers before this one: cheap ones come first.
    """

    response: InferenceResponded
    scores: Sequence[RecordedScore]


Choice = Callable[[Card, float, Sequence[Judged]], Sequence[float]]
"""From a scorer, its configured share and calls to the chance with which each call was chosen; 0 for one that was not.

What a scorer that is not cheap sees is a Choice: stream_processors.scoring.panels takes one.
"""


def evenly(card: Card, share: float, calls: Sequence[Judged]) -> list[float]:
    """Choose a share of the calls, whatever was said of them."""
    if share >= 1:
        return [1.0] * len(calls)
    return [share if lot(call.response.event_id, card.name) < share else 0.0 for call in calls]


def lot(event_id: str, scorer: str) -> float:
    """Return a number in [0, 1) that is the same for the same call and scorer, and even over calls."""
    digest = hashlib.blake2b(f"{scorer}|{event_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / _RANGE
