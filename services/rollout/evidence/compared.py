"""Which of two answers to one request a judge prefers: the candidate's in shadow, or the one that the user got."""

from enum import StrEnum

import msgspec

from schemas.ids import derived_id


class Outcome(StrEnum):
    """What became of a pair, seen from the candidate."""

    WON = "won"
    LOST = "lost"
    TIED = "tied"
    UNJUDGED = "unjudged"


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """One pair, compared once however often it is shown."""

    event_id: str
    app: str
    rollout_id: str
    outcome: Outcome


def compared(app: str, rollout_id: str, request_id: str, outcome: Outcome) -> Compared:
    """Return the outcome of a request's pair in a rollout."""
    pair_id = derived_id("pair", rollout_id, request_id)
    return Compared(event_id=pair_id, app=app, rollout_id=rollout_id, outcome=outcome)
