"""What scorers say of a call, as far as rollouts are judged by it."""

import msgspec

from schemas.metrics import SCORES
from schemas.observations import ScoresRecorded
from schemas.record import Variant

REFUSAL, UNSAFE, FORMAT = "refusal", "unsafe", "format"
MEASURES = {
    REFUSAL: ("response.refusal",),
    UNSAFE: ("response.harm",),
    FORMAT: ("response.format", "response.tool_arguments"),
}
"""Scores behind each measure; a call is flagged where one of them has its bad label."""


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """Whether a call was flagged, and what chance it had of being looked at."""

    flagged: bool
    probability: float


class ScoredCall(msgspec.Struct, frozen=True, kw_only=True):
    """The message of one call's scores, short. Its id is the message's, so that one sent again is known."""

    event_id: str
    app: str
    variant: Variant
    marks: dict[str, Mark]


def scored_call(record: ScoresRecorded) -> ScoredCall | None:
    """Return what a message says of the measures; None when that is nothing."""
    marks = {name: mark for name in MEASURES if (mark := _mark(record, name)) is not None}
    if not marks:
        return None
    return ScoredCall(event_id=record.event_id, app=record.app, variant=record.variant, marks=marks)


def _mark(record: ScoresRecorded, measure: str) -> Mark | None:
    judged = [score for score in record.scores if score.name in MEASURES[measure] and score.value is not None]
    if not judged:
        return None
    flagged = any(score.label == SCORES[score.name].flagged for score in judged)
    return Mark(flagged, min(score.sampling_probability for score in judged))
