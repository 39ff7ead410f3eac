"""What people's judgements of one answer come to: which of them count, and what they add to a window. Pure.

The rule (docs/feedback.md). An event counts once: of its records the earliest. Of two judgements of the same kind by
the same person on the same request the later by `occurred_at` counts, of two at once the one that stands further back
in the log. A person is a source and a user; without a user, the source alone. Kinds are independent of each other, but
whether the answer was right a person says once: by the latest judgement that says it in whatever way. The
warehouse's view `judgements` says the same in SQL, over all windows together; one test holds the two equal.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from rapidfuzz.distance import Levenshtein

from schemas.feedback import FeedbackGiven, Kind, Outcome, Signal
from schemas.metrics import confusion_counter
from schemas.record import Variant
from stream_processors.windows.answers import Answer, Comparable, comparable, normalised, written

_RIGHT = 0.5
# By which kinds an answer is called right, in the order in which they go within one judgement: what says it outright
# goes before what says it by an example.
_VERDICTS: tuple[Kind, ...] = ("label", "score", "rating", "correction")
_FIELDS: Mapping[Kind, str] = {
    **{kind: kind for kind in (*_VERDICTS, "signal")},
    "comparison": "outcome",
}
Person = tuple[str, str]
"""A source and a user's pseudonym."""
Labels = Mapping[str, str]
"""An app's labels as its configuration writes them, by their normalised form."""


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

    @property
    def place(self) -> tuple[int, int, str]:
        """Where it stands among others: what is later is greater."""
        return self.occurred, self.offset, self.event_id

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Which judgements it holds."""
        return tuple(kind for kind, name in _FIELDS.items() if getattr(self, name) is not None)

    @property
    def verdict_by(self) -> Kind | None:
        """The kind by which it says whether the answer was right: of several the one that says it most plainly."""
        return next((kind for kind in _VERDICTS if kind in self.kinds), None)


def first_record(known: Judged | None, again: Judged) -> Judged:
    """Return which of two records of one event is the event: the earlier, but none that is late.

    Of two with one time it is the one further back in the log, which the warehouse keeps.
    """
    return again if known is None else min(known, again, key=lambda one: (one.late, one.occurred, -one.offset))


def by_person(judged: Iterable[Judged]) -> list[list[Judged]]:
    """Return what each person said of a request, in the order in which they said it."""
    persons: dict[tuple[str, Person], list[Judged]] = {}
    for one in sorted(judged, key=lambda one: one.place):
        persons.setdefault((one.request_id, one.person), []).append(one)
    return list(persons.values())


def standing(given: Iterable[Judged]) -> dict[Kind, Judged]:
    """Return by which of one person's judgements, in their order, each kind stands: by the latest."""
    return {kind: judged for judged in given for kind in judged.kinds}


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

    A label judges every answer of the request, the shadow's too; anything else judges what the user saw. A rating
    is a score from 0 to 1 in four steps.
    """
    if judged.label is not None:
        return judged.label == normalised(answer.text)
    if answer.series.variant == Variant.SHADOW:
        return None
    match judged.verdict_by:
        case "score" if judged.score is not None:
            return judged.score >= _RIGHT
        case "rating" if judged.rating is not None:
            return (judged.rating - 1) / 4 >= _RIGHT
        case "correction":
            return judged.correction == answer.comparable
    return None


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
    stands = standing(given)
    if (one := stands.get("label")) and one.label is not None and one.label in labels:
        _add(sums, **{confusion_counter(labels[one.label], labels.get(normalised(answer.text), "")): 1})
    if answer.series.variant != Variant.SHADOW:
        _count_seen(sums, stands, answer)


def _count_seen(sums: dict[str, float], stands: Mapping[Kind, Judged], answer: Answer) -> None:
    """Count what can be said only of an answer that somebody saw."""
    if (one := stands.get("score")) and one.score in (0, 1):
        _add(sums, thumbs=1, thumbs_down=one.score == 0)
    if (one := stands.get("rating")) and one.rating is not None:
        _add(sums, ratings=1, rating_sum=one.rating)
    if (one := stands.get("correction")) and one.correction is not None and one.correction != answer.comparable:
        _add(sums, corrections=1, edit_sum=_distance(answer.comparable, one.correction))
    if one := stands.get("comparison"):
        _add(sums, comparisons=1, comparisons_won=one.outcome == "won", comparisons_lost=one.outcome == "lost")
    if (one := stands.get("signal")) and one.signal is not None:
        _add(sums, **{one.signal: 1})


def _distance(answer: Comparable, correction: Comparable) -> float:
    return Levenshtein.normalized_distance(answer.text, correction.text)


def _add(sums: dict[str, float], **values: float) -> None:
    for name, value in values.items():
        sums[name] = sums.get(name, 0.0) + value
