"""What somebody said of an answer later: the record of the topic feedback.given."""

from typing import Annotated, Literal

import msgspec

from schemas.inference import Message
from schemas.privacy import Private
from schemas.record import Identifier, Name, Record

LONGEST_CORRECTION = 32_768
Signal = Literal["copied", "regenerated", "abandoned"]
# What a judgement is; a person may say several of them of one answer, of each kind the latest counts.
Kind = Literal["label", "score", "rating", "correction", "comparison", "signal"]
# What the judged answer was in a comparison; `apart` where it was neither of the two.
Outcome = Literal["won", "lost", "apart"]


class Answered(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An answer, by the request that it was given to or as it stands; neither means the one that is judged."""

    request_id: Name = ""
    output: Message | None = None


class Comparison(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One answer is better than another.

    The two are not the same; but two texts may have become alike since, when what was private in them was masked.
    """

    preferred: Answered = Answered()
    rejected: Answered = Answered()

    def __post_init__(self) -> None:
        if self.preferred == self.rejected and self.preferred.output is None:
            raise ValueError("a comparison needs two different answers")


class FeedbackGiven(Record, frozen=True, kw_only=True):
    """Someone judged the answer of an earlier request, in at least one of six ways.

    The version that answered is found by joining on `request_id`; the record's own
    adapter_version and variant are not trusted for that.

    Attributes:
        label: The answer it should have been, of an app that classifies.
        score: 0 bad to 1 good; a thumb is 1 or 0.
        rating: 1 worst to 5 best.
        correction: The answer it should have been: a text, JSON, or tool calls.
        comparison: Which of two answers is better.
        signal: What the user did with the answer, which says something without being meant to.
        source: Who judges: `user`, `annotator`, `program`, or a name of the app's own; trust is by source.
        user_id: The person, as a pseudonym; of two judgements of one kind by one person the later counts.
    """

    request_id: Identifier
    label: Annotated[str, msgspec.Meta(max_length=4096)] | None = None
    score: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    rating: Annotated[int, msgspec.Meta(ge=1, le=5)] | None = None
    correction: Message | None = None
    comparison: Comparison | None = None
    signal: Signal | None = None
    source: Name = "user"
    user_id: Name = ""
    comment: Annotated[str, msgspec.Meta(max_length=8192)] = ""
    private: Private | None = None

    def __post_init__(self) -> None:
        if not self.kinds:
            raise ValueError("feedback needs a label, a score, a rating, a correction, a comparison or a signal")

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Which judgements it holds."""
        every: tuple[Kind, ...] = ("label", "score", "rating", "correction", "comparison", "signal")
        return tuple(kind for kind in every if getattr(self, kind) is not None)

    @property
    def outcome(self) -> Outcome | None:
        """What the judged answer was in its comparison; None where there is none."""
        if self.comparison is None:
            return None
        if self._is_judged(self.comparison.preferred):
            return "won"
        return "lost" if self._is_judged(self.comparison.rejected) else "apart"

    def _is_judged(self, answered: Answered) -> bool:
        return answered == Answered() or answered.request_id == self.request_id

    @property
    def oversized(self) -> Literal["correction", "comparison"] | None:
        """Which of its texts is longer than LONGEST_CORRECTION bytes: the doors refuse that."""
        if self.correction is not None and size_of(self.correction) > LONGEST_CORRECTION:
            return "correction"
        pair = (self.comparison.preferred, self.comparison.rejected) if self.comparison else ()
        return "comparison" if any(size_of(one.output) > LONGEST_CORRECTION for one in pair if one.output) else None


def size_of(message: Message) -> int:
    """Return the bytes of all that a message says, in UTF-8."""
    content = message.content
    parts = [content] if isinstance(content, str) else [part.text + part.reference for part in content]
    calls = [text for call in message.tool_calls for text in (call.id, call.name, call.arguments)]
    return sum(len(text.encode(errors="replace")) for text in (*parts, *calls, message.tool_call_id))
