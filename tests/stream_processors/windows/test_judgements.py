"""What people say of one answer, and which of it counts."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import from_unix_ms
from schemas.feedback import Answered, Comparison, FeedbackGiven
from schemas.inference import InferenceResponded, Message, ToolCall
from schemas.privacy import Private
from stream_processors.windows.answers import KEPT_CHARACTERS, answer_of, comparable
from stream_processors.windows.joins import FeedbackJoin
from stream_processors.windows.windows import Bounds, Cell
from tests.stream_processors.builders import EPOCH, responded

BOUNDS = Bounds(length=10_000, lateness=2_000, horizon=60_000)
LABELS = {"guard": ("Safe", "unsafe", "a|b")}
ABOVE: dict[str, Any] = {"score": 1.0}
BELOW: dict[str, Any] = {"score": 0.0}


def says(nth: int = 0, at: int = 0, **said: Any) -> FeedbackGiven:
    """Judge the answer to request 1, `at` milliseconds into the window."""
    told = {"event_id": f"f-{nth}", "occurred_at": from_unix_ms(EPOCH + at), "app": "guard", "request_id": "request-1"}
    return FeedbackGiven(**{**told, **said})


def text(content: str) -> Message:
    return Message(role="assistant", content=content)


def called(arguments: str) -> Message:
    return Message(role="assistant", tool_calls=(ToolCall(id="c", name="book", arguments=arguments),))


def windows(*feedback: FeedbackGiven, answers: tuple[InferenceResponded, ...] = (), logged: int = 0) -> list[Cell]:
    """Return the windows that judgements come to, logged in this order."""
    join = FeedbackJoin(BOUNDS, labels=LABELS)
    for answer in answers or (responded(1, at=EPOCH),):
        join.remember(answer.request_id, answer_of(answer, EPOCH))
    for offset, one in enumerate(feedback):
        occurred = round(one.occurred_at.timestamp() * 1000)
        join.wait(one, occurred=occurred, logged=max(occurred, EPOCH + logged), offset=offset)
    join.windows.watermark = EPOCH + 600_000
    return join.close(EPOCH + 600_000)


def counted(*feedback: FeedbackGiven, answer: str | Message = "safe", **more: Any) -> dict[str, float]:
    """Return the counters of the only window that judgements of an answer come to."""
    message = text(answer) if isinstance(answer, str) else answer
    (cell,) = windows(*feedback, answers=(msgspec.structs.replace(responded(1, at=EPOCH), output=message),), **more)
    return cell.counters


def verdicts(*feedback: FeedbackGiven, **more: Any) -> tuple[float, float]:
    sums = counted(*feedback, **more)
    return sums.get("feedback", 0), sums.get("feedback_correct", 0)


def test_a_judgement_that_is_sent_again_counts_once_and_a_changed_mind_replaces_it() -> None:
    assert verdicts(says(0, **ABOVE)) == (1, 1)
    assert verdicts(says(0, **ABOVE), says(1, 1, **ABOVE)) == (1, 1)
    assert verdicts(says(0, **ABOVE), says(1, 1, **BELOW)) == (1, 0)
    assert verdicts(says(0, **ABOVE), says(0, 1, **BELOW)) == (1, 1), "the same event"


def test_later_is_what_occurred_later_and_of_two_at_once_what_is_further_back_in_the_log() -> None:
    assert verdicts(says(0, 5, **BELOW), says(1, 4, **ABOVE)) == (1, 0)
    assert verdicts(says(0, 5, **ABOVE), says(1, 5, **BELOW)) == (1, 0)


def test_several_people_are_several_verdicts() -> None:
    people = ({"user_id": "ann"}, {"user_id": "bob"}, {"source": "annotator"}, {"source": "annotator"})
    assert verdicts(*(says(nth, nth, **ABOVE, **person) for nth, person in enumerate(people))) == (3, 3)


def test_one_person_says_once_whether_an_answer_was_right_in_whatever_way() -> None:
    ways: list[dict[str, Any]] = [{"label": "safe"}, {"rating": 5}, {"correction": text("safe")}, BELOW]
    sums = counted(*(says(nth, nth, **way) for nth, way in enumerate(ways)))
    assert (sums["feedback"], sums["feedback_correct"], sums["ratings"], sums["thumbs_down"]) == (1, 0, 1, 1)


def test_of_several_in_one_event_the_label_goes_before_the_score_the_rating_and_the_correction() -> None:
    wrong: list[dict[str, Any]] = [{"label": "unsafe"}, BELOW, {"rating": 1}, {"correction": text("other")}]
    right: list[dict[str, Any]] = [{"label": "safe"}, ABOVE, {"rating": 5}, {"correction": text("safe")}]
    for first in range(4):
        later = {name: value for one in wrong[first + 1 :] for name, value in one.items()}
        assert verdicts(says(**right[first], **later)) == (1, 1)


@pytest.mark.parametrize(("rating", "right"), [(1, 0), (2, 0), (3, 1), (4, 1), (5, 1)])
def test_a_rating_is_a_score_in_four_steps(rating: int, right: int) -> None:
    sums = counted(says(rating=rating))
    assert (sums["feedback_correct"], sums["ratings"], sums["rating_sum"]) == (right, 1, rating)


def test_thumbs_are_scores_of_exactly_nothing_or_one() -> None:
    scores = [0.0, 1.0, 1.0, 0.4]
    sums = counted(*(says(nth, score=score, user_id=str(nth)) for nth, score in enumerate(scores)))
    assert (sums["thumbs"], sums["thumbs_down"], sums["feedback"]) == (3, 1, 4)


def test_a_correction_says_how_far_an_answer_was_from_right() -> None:
    sums = counted(says(correction=text("Berlin, 1990")), answer="Berlin, 1991")
    assert (sums["feedback_correct"], sums["corrections"]) == (0, 1)
    assert sums["edit_sum"] == pytest.approx(1 / 12)


def test_a_correction_that_is_the_answer_corrects_nothing() -> None:
    sums = counted(says(correction=text("a  Fine answer.")), answer="A fine answer")
    assert sums == {"feedback": 1, "feedback_correct": 1}


@pytest.mark.parametrize("longer", [0, KEPT_CHARACTERS])
def test_json_and_arguments_of_tools_are_compared_without_spaces_and_order(longer: int) -> None:
    filling = "x" * longer
    one, other = f'{{"b": "{filling}", "a": [1, 2]}}', f'{{"a":[1,2],"b":"{filling}"}}'
    assert verdicts(says(correction=text(other)), answer=one) == (1, 1)
    assert verdicts(says(correction=called(other)), answer=called(one)) == (1, 1)
    assert verdicts(says(correction=called(other.replace("1", "3"))), answer=called(one)) == (1, 0)


def test_whether_a_long_answer_was_right_is_told_of_all_of_it_and_how_far_off_of_its_beginning() -> None:
    long = "the same words again and again " * 20
    assert verdicts(says(correction=text(long)), answer=long) == (1, 1)
    sums = counted(says(correction=text(f"{long} but the end")), answer=long)
    assert (sums["feedback_correct"], sums["corrections"], sums["edit_sum"]) == (0, 1, 0)


@settings(deadline=None)
@given(st.text(max_size=600))
def test_a_long_answer_is_remembered_as_it_would_be_compared(content: str) -> None:
    answer = answer_of(responded(1, at=EPOCH, answer=content), EPOCH)
    assert answer.comparable == comparable(content)
    assert len(answer.text) <= max(KEPT_CHARACTERS, 2)


def test_where_no_texts_are_kept_a_correction_says_nothing() -> None:
    assert counted(says(correction=text(""), private=Private(policy="drop-text")), answer="") == {}


@pytest.mark.parametrize(
    ("comparison", "won", "lost"),
    [
        (Comparison(rejected=Answered(output=text("other"))), 1, 0),
        (Comparison(preferred=Answered(request_id="request-2")), 0, 1),
        (Comparison(preferred=Answered(request_id="request-1"), rejected=Answered(request_id="request-2")), 1, 0),
        (Comparison(preferred=Answered(request_id="request-3"), rejected=Answered(request_id="request-2")), 0, 0),
    ],
)
def test_a_comparison_is_won_or_lost_or_between_others(comparison: Comparison, won: int, lost: int) -> None:
    assert counted(says(comparison=comparison)) == {"comparisons": 1, "comparisons_won": won, "comparisons_lost": lost}


def test_a_signal_is_no_verdict_and_the_later_one_counts() -> None:
    assert counted(says(0, signal="copied"), says(1, 1, signal="regenerated")) == {"regenerated": 1}


def test_kinds_are_independent_of_each_other() -> None:
    sums = counted(
        says(0, signal="copied"), says(1, 1, rating=5), says(2, 2, correction=text("no")), says(3, 3, **ABOVE)
    )
    assert (sums["copied"], sums["rating_sum"], sums["corrections"], sums["feedback_correct"]) == (1, 5, 1, 1)


def test_labels_are_counted_by_what_was_answered_in_their_place() -> None:
    assert counted(says(label="unsafe"), answer="SAFE.")["true/unsafe|Safe"] == 1
    assert counted(says(label=" safe"), answer="I think so")["true/Safe|"] == 1
    assert counted(says(label="A|B"), answer="a|b")["true/a%7Cb|a%7Cb"] == 1
    assert not any(name.startswith("true/") for name in counted(says(label="no label"), answer="safe"))


def test_only_a_label_judges_what_nobody_saw() -> None:
    shadow = responded(1, at=EPOCH, variant="shadow", answer="unsafe")
    for said in (ABOVE, {"rating": 5}, {"correction": text("unsafe")}, {"signal": "copied"}):
        assert windows(says(**said), answers=(shadow,)) == []
    (cell,) = windows(says(label="unsafe", rating=5), answers=(shadow,))
    assert cell.counters == {"feedback": 1, "feedback_correct": 1, "true/unsafe|unsafe": 1}


def test_what_is_late_counts_as_late_and_displaces_nothing() -> None:
    (cell,) = windows(says(0, 0, **ABOVE), says(1, 1, **BELOW), logged=2001)
    assert (cell.late, cell.counters) == (
        1,
        {"feedback": 1.0, "feedback_correct": 0.0, "thumbs": 1.0, "thumbs_down": 1.0},
    )


def test_a_changed_mind_in_a_later_window_counts_there() -> None:
    cells = windows(says(0, 0, **ABOVE), says(1, 10_000, **BELOW))
    assert [cell.counters["feedback_correct"] for cell in cells] == [1, 0]


def test_a_window_holds_the_offsets_of_all_that_was_said_also_of_what_does_not_count() -> None:
    (cell,) = windows(says(0, 3, **ABOVE), says(1, 1, **BELOW), says(2, 2, user_id="ann", **BELOW))
    assert (cell.first_offset, cell.last_offset) == (0, 2)
