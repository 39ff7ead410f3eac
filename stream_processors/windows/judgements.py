"""What people's judgements of one answer come to: which of them count, and what they add to a window. Pure.

The rule (docs/feedback.md). An event counts once. Of two judgements of the same kind by the same person on the
same request the later by `occurred_at` counts, of two at once the one that stands further back in the log. A
person is a source and a user; without a user, the source alone. Kinds are independent of each other, but whether
the answer was right a person says once: by the latest judgement that says it in whatever way.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import msgspec
from rapidfuzz.distance import Levenshtein

from schemas.feedback import FeedbackGiven, Outcome, Signal
from schemas.metrics import confusion_counter
from schemas.record import Variant
from stream_processors.windows.answers import Answer, Comparable, comparable, normalised, written

_RIGHT = 0.5
Person = tuple[str, str]
"""A source and a user's pseudonym."""
Labels = Mapping[str, str]
"""An app's labels as its configuration writes them, by their normalised form."""
T = TypeVar("T")


class Judged(msgspec.Struct, frozen=True, gc=False):
    """What counting needs of feedback: at most about a kilobyte, however long its texts are."""

    event_id: str
    request_id: str
    person: Person
    occurred: int
    offset: int
    logged: int
    late: bool
    label: str | None = None
    score: float | None = None
    rating: int | None = None
    correction: Comparable | None = None
    outcome: Outcome | None = None
    signal: Signal | None = None


def judged_of(feedback: FeedbackGiven, *, occurred: int, logged: int, offset: int, late: bool) -> Judged:
    """Return what counting needs of an event."""
    return Judged(
        feedback.event_id,
        feedback.request_id,
        (feedback.source, feedback.user_id),
        occurred,
        offset,
        logged,
        late,
        label=None if feedback.label is None else normalised(feedback.label),
        score=feedback.score,
        rating=feedback.rating,
        correction=_correction(feedback),
        outcome=feedback.outcome,
        signal=feedback.signal,
    )


def _correction(feedback: FeedbackGiven) -> Comparable | None:
    """Return a correction; none where the app keeps no texts, for there every text would equal every other."""
    dropped = feedback.private is not None and feedback.private.policy == "drop-text"
    return None if feedback.correction is None or dropped else comparable(written(feedback.correction))


def verdict(judged: Judged, answer: Answer) -> bool | None:
    """Return whether feedback calls an answer right; None when it says nothing about that.

    A label judges every answer of the request, the shadow's too; anything else judges what the user saw. Of
    several in one event the label counts, then the score, the rating, the correction: what says it outright goes
    before what says it by an example. A rating is a score from 0 to 1 in four steps.
    """
    if judged.label is not None:
        return judged.label == normalised(answer.text)
    if answer.series.variant == Variant.SHADOW:
        return None
    if judged.score is not None:
        return judged.score >= _RIGHT
    if judged.rating is not None:
        return (judged.rating - 1) / 4 >= _RIGHT
    return None if judged.correction is None else judged.correction == answer.comparable


def speaks_of(judged: Judged, answer: Answer) -> bool:
    """Return whether feedback says anything about an answer; of a shadow's only a label does."""
    return judged.label is not None or answer.series.variant != Variant.SHADOW


def count(sums: dict[str, float], given: Sequence[Judged], answer: Answer, labels: Labels) -> None:
    """Add to a window's sums what one person's judgements of an answer come to.

    Args:
        given: In the order in which they were given.
    """
    right = next((said for judged in reversed(given) if (said := verdict(judged, answer)) is not None), None)
    if right is not None:
        _add(sums, feedback=1, feedback_correct=right)
    label = _latest(given, lambda judged: judged.label)
    if label is not None and label in labels:
        _add(sums, **{confusion_counter(labels[label], labels.get(normalised(answer.text), "")): 1})
    if answer.series.variant != Variant.SHADOW:
        _count_seen(sums, given, answer)


def _count_seen(sums: dict[str, float], given: Sequence[Judged], answer: Answer) -> None:
    """Count what can be said only of an answer that somebody saw."""
    score = _latest(given, lambda judged: judged.score)
    if score in (0, 1):
        _add(sums, thumbs=1, thumbs_down=score == 0)
    if (rating := _latest(given, lambda judged: judged.rating)) is not None:
        _add(sums, ratings=1, rating_sum=rating)
    correction = _latest(given, lambda judged: judged.correction)
    if correction is not None and correction != (said := answer.comparable):
        _add(sums, corrections=1, edit_sum=Levenshtein.normalized_distance(said.text, correction.text))
    if (outcome := _latest(given, lambda judged: judged.outcome)) is not None:
        _add(sums, comparisons=1, comparisons_won=outcome == "won", comparisons_lost=outcome == "lost")
    if (signal := _latest(given, lambda judged: judged.signal)) is not None:
        _add(sums, **{signal: 1})


def _latest(given: Sequence[Judged], said_by: Callable[[Judged], T | None]) -> T | None:
    return next((said for judged in reversed(given) if (said := said_by(judged)) is not None), None)


def _add(sums: dict[str, float], **values: float) -> None:
    for name, value in values.items():
        sums[name] = sums.get(name, 0.0) + value
