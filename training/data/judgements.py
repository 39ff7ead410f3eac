"""Calls that people judged, as the warehouse has them, and which of their judgements stand. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec

from schemas.feedback import FeedbackGiven, Kind
from schemas.inference import Message, ToolDeclared

UNDISPUTED = "undisputed"
"""The source of a judgement that nobody gave: an answer that was left standing."""


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """Feedback, and where its message stood."""

    given: FeedbackGiven
    partition: int
    offset: int

    @property
    def person(self) -> tuple[str, str]:
        """Who judged. Those of one source who gave no name are one: a call has one user, mostly."""
        return self.given.source, self.given.user_id


class JudgedCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call with its answer and everything that was said of it.

    Attributes:
        messages: The conversation up to the answer.
        answer: What the user saw; None when the call failed.
        slice: The call's slice tag, empty without one.
        judgements: In any order; none of an answer that nobody disputed.
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
    judgements: tuple[Judgement, ...]
    offsets: dict[str, int]


class Standing(NamedTuple):
    """One kind of judgement that still counts."""

    kind: Kind
    given: FeedbackGiven


def standing(judgements: Iterable[Judgement]) -> list[Standing]:
    """Return what counts of the judgements of one request: of each person and kind the latest.

    The same event counts once. Later is by when it was said, then by its place in the log; the order that they come
    in does not matter.
    """
    last: dict[tuple[Kind, str, str], Judgement] = {}
    for judgement in sorted(judgements, key=lambda one: (one.given.occurred_at, one.offset, one.given.event_id)):
        for kind in judgement.given.kinds:
            last[(kind, *judgement.person)] = judgement
    return [Standing(kind, judgement.given) for (kind, *_), judgement in sorted(last.items(), key=lambda one: one[0])]


Answers = Mapping[str, JudgedCall]
"""Calls that comparisons refer to, by request id."""


def compared(calls: Iterable[JudgedCall]) -> list[str]:
    """Return the ids of the other calls whose answers comparisons speak of, sorted."""
    found = {
        answered.request_id
        for call in calls
        for kind, given in standing(call.judgements)
        if kind == "comparison" and given.comparison is not None
        for answered in (given.comparison.preferred, given.comparison.rejected)
        if answered.request_id and answered.request_id != call.request_id
    }
    return sorted(found)
