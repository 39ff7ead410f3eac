"""Calls that people judged, and what of it stands, as the warehouse's view `judgements` has it. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec

from schemas.feedback import FeedbackGiven, Kind
from schemas.inference import Message, ToolDeclared

UNDISPUTED = "undisputed"
"""The source of a judgement that nobody gave: an answer that was left standing."""


class JudgedCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call with its answer and everything that was said of it.

    Attributes:
        messages: The conversation up to the answer.
        answer: What the user saw; None when the call failed.
        slice: The call's slice tag, empty without one.
        judgements: Those that stand, each without the kinds of it that a later one replaced; in any order. None of an
            answer that nobody disputed.
        superseded: How many kinds of judgements were replaced.
        offsets: Where its messages stood: "topic/partition" to offset.
    """

    request_id: str
    messages: tuple[Message, ...]
    answer: Message | None
    finish_reason: str
    error_type: str
    adapter_version: str
    variant: str
    tools: tuple[ToolDeclared, ...]
    response_schema: str
    slice: str
    occurred_at: datetime
    judgements: tuple[FeedbackGiven, ...]
    superseded: int = 0
    offsets: dict[str, int]


class Spoken(NamedTuple):
    """One kind of a judgement."""

    kind: Kind
    given: FeedbackGiven


def spoken(judgements: Iterable[FeedbackGiven]) -> list[Spoken]:
    """Return what judgements say, kind by kind, in the order of kinds and people."""
    found = [Spoken(kind, given) for given in judgements for kind in given.kinds]
    return sorted(found, key=lambda one: (one.kind, one.given.source, one.given.user_id))


Answers = Mapping[str, JudgedCall]
"""Calls that comparisons refer to, by request id."""


def compared(calls: Iterable[JudgedCall]) -> list[str]:
    """Return the ids of the other calls whose answers comparisons speak of, sorted."""
    found = {
        answered.request_id
        for call in calls
        for given in call.judgements
        if given.comparison is not None
        for answered in (given.comparison.preferred, given.comparison.rejected)
        if answered.request_id and answered.request_id != call.request_id
    }
    return sorted(found)
