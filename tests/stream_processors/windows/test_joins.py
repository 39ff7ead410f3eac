"""Feedback joined to answers: what counts depends on the logs, not on who was read faster."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.feedback import FeedbackGiven
from schemas.inference import InferenceResponded
from stream_processors.windows.answers import answer_of, normalised
from stream_processors.windows.joins import FeedbackJoin
from stream_processors.windows.judgements import verdict
from stream_processors.windows.windows import SKEW_MS, Bounds, Cell
from tests.stream_processors.builders import EPOCH, feedback, responded

BOUNDS = Bounds(length=1000, lateness=1000, horizon=5000)
END = EPOCH + 60_000


@dataclass(frozen=True)
class Logged:
    """A record and its log time."""

    record: InferenceResponded | FeedbackGiven
    at: int


def run(join: FeedbackJoin, order: Sequence[str], answers: list[Logged], judgements: list[Logged]) -> list[Cell]:
    """Feed both logs in the interleaving given, closing after each step, and return all cells."""
    left, right, watermark, cells = list(enumerate(answers)), list(enumerate(judgements)), 0, []
    for side in (*order, *"a" * len(answers), *"f" * len(judgements)):
        if side == "a" and left:
            _, logged = left.pop(0)
            assert isinstance(logged.record, InferenceResponded)
            join.remember(logged.record.request_id, answer_of(logged.record, logged.at))
            watermark = max(watermark, logged.at)
        elif side == "f" and right:
            offset, logged = right.pop(0)
            assert isinstance(logged.record, FeedbackGiven)
            occurred = round(logged.record.occurred_at.timestamp() * 1000)
            join.wait(logged.record, occurred=occurred, logged=logged.at, offset=offset)
        cells += join.close(watermark)
    join.windows.watermark = END
    return cells + join.close(END)


answers_logged = st.lists(
    st.builds(
        lambda n, at, text, shadow: Logged(
            responded(n, at=EPOCH + at, answer=text, variant="shadow" if shadow else "stable"), EPOCH + at
        ),
        st.integers(0, 5), st.integers(0, 12_000), st.sampled_from(["safe", "unsafe"]), st.booleans(),
    ), max_size=12,
).map(lambda some: sorted(some, key=lambda logged: logged.at))  # fmt: skip
judgements_logged = st.lists(
    st.tuples(
        st.integers(0, 5), st.integers(0, 12_000), st.integers(0, 1500), st.sampled_from(["safe", "unsafe", None]),
        st.sampled_from([0.1, 0.9]), st.sampled_from(["", "ann"]),
    ), max_size=16,
).map(
    lambda some: [
        Logged(feedback(n, at=EPOCH + at - ago, label=label, score=score, nth=nth, user=user), EPOCH + at)
        for nth, (n, at, ago, label, score, user) in enumerate(sorted(some, key=lambda one: one[1]))
    ]
)  # fmt: skip


def by_definition(answers: list[Logged], judgements: list[Logged]) -> dict[tuple[int, str], tuple[int, int, int]]:
    """Return verdicts, right ones and late feedback by window and variant, from the definition in the docstrings."""
    known: dict[str, Logged] = {}
    for logged in answers:
        known.setdefault(logged.record.event_id, logged)
    said: dict[tuple[int, str, str, str], tuple[int, int, bool]] = {}
    counts: dict[tuple[int, str], tuple[int, int, int]] = {}
    for offset, judged in enumerate(judgements):
        given = judged.record
        assert isinstance(given, FeedbackGiven)
        occurred = round(given.occurred_at.timestamp() * 1000)
        late = judged.at - occurred > BOUNDS.lateness
        start = (judged.at if late else occurred) // 1000 * 1000
        for answer in known.values():
            assert isinstance(answer.record, InferenceResponded)
            if answer.record.request_id != given.request_id:
                continue
            if not judged.at - BOUNDS.horizon <= answer.at <= start + BOUNDS.length + BOUNDS.lateness:
                continue
            if given.label is None and answer.record.variant == "shadow":
                continue
            window = (start, str(answer.record.variant))
            counts.setdefault(window, (0, 0, 0))
            if late:
                counts[window] = (0, 0, counts[window][2] + 1)
                continue
            right = given.score == 0.9 if given.label is None else given.label == answer.record.answer
            mine = (start, answer.record.event_id, given.request_id, given.user_id)
            said[mine] = max(said.get(mine, (0, 0, False)), (occurred, offset, right))
    for (start, event_id, _, _), (_, _, right) in said.items():
        variant = "shadow" if "shadow" in event_id else "stable"
        verdicts, correct, late_ones = counts[start, variant]
        counts[start, variant] = (verdicts + 1, correct + right, late_ones)
    return counts


def told(cells: list[Cell]) -> dict[tuple[int, str], tuple[float, float, int]]:
    """Return what windows say of verdicts."""
    return {
        (cell.start, cell.series.variant): (
            cell.counters.get("feedback", 0),
            cell.counters.get("feedback_correct", 0),
            cell.late,
        )
        for cell in cells
    }


@given(answers=answers_logged, judgements=judgements_logged, order=st.lists(st.sampled_from("af"), max_size=24))
def test_any_interleaving_of_the_two_partitions_gives_the_counts_of_the_definition(
    answers: list[Logged], judgements: list[Logged], order: list[str]
) -> None:
    cells = run(FeedbackJoin(BOUNDS), order, answers, judgements)
    found = told(cells)
    assert len(found) == len(cells), "each window of a series closes once"
    assert found == by_definition(answers, judgements)


@given(answers=answers_logged, judgements=judgements_logged, cut=st.integers(0, 12))
def test_answers_restored_from_the_log_after_a_restart_give_the_same_counts(
    answers: list[Logged], judgements: list[Logged], cut: int
) -> None:
    join = FeedbackJoin(BOUNDS)
    for logged in answers[cut:]:
        assert isinstance(logged.record, InferenceResponded)
        join.remember(logged.record.request_id, answer_of(logged.record, logged.at))
    again = [
        (a.record.request_id, answer_of(a.record, a.at)) for a in answers if isinstance(a.record, InferenceResponded)
    ]
    join.restore(again)
    cells = run(join, "", [], judgements)
    assert told(cells) == by_definition(answers, judgements)


def test_feedback_holds_its_offset_back_until_its_window_has_closed() -> None:
    join = FeedbackJoin(BOUNDS)
    join.wait(feedback(1, at=EPOCH), occurred=EPOCH, logged=EPOCH, offset=7)
    join.windows.watermark = EPOCH + BOUNDS.closing
    assert join.close(EPOCH + BOUNDS.closing - 1) == []
    assert join.floor == 7
    join.close(EPOCH + BOUNDS.closing)
    assert join.floor is None


def test_answers_older_than_the_horizon_are_forgotten() -> None:
    join = FeedbackJoin(BOUNDS)
    join.remember("request-1", answer_of(responded(1, at=EPOCH), EPOCH))
    join.windows.watermark = EPOCH + BOUNDS.horizon + SKEW_MS + 1
    join.close(join.windows.watermark)
    assert join.missing_since(EPOCH) is not None
    assert not join._answers


def test_answers_are_restored_only_where_some_may_be_missing() -> None:
    from_the_start, resumed = FeedbackJoin(BOUNDS), FeedbackJoin(BOUNDS)
    from_the_start.read_from(0, EPOCH)
    resumed.read_from(40, EPOCH)
    assert from_the_start.missing_since(EPOCH) is None
    assert resumed.missing_since(EPOCH) == EPOCH - BOUNDS.horizon - SKEW_MS
    assert resumed.missing_since(EPOCH + BOUNDS.horizon + 2 * SKEW_MS) is None


def test_the_oldest_answer_goes_when_memory_is_full() -> None:
    join = FeedbackJoin(BOUNDS, max_answers=2)
    for number in range(3):
        join.remember(f"request-{number}", answer_of(responded(number, at=EPOCH), EPOCH))
    assert list(join._answers) == ["request-1", "request-2"]


def test_labels_are_compared_without_case_space_and_punctuation() -> None:
    assert normalised(" Unsafe.\n") == normalised("unsafe") == "unsafe"


@settings(deadline=None)
@given(text=st.text(" .!aẞßİ\u0345\u0390", max_size=600))
def test_a_normalised_text_stays_as_it_is(text: str) -> None:
    once = normalised(text)
    assert normalised(once) == once


def test_a_score_judges_only_the_answer_that_the_user_saw() -> None:
    join = FeedbackJoin(BOUNDS)
    join.wait(feedback(1, at=EPOCH, label=None, score=0.5), occurred=EPOCH, logged=EPOCH, offset=0)
    judged = next(iter(join._waiting.values())).judged["feedback-1-1"]
    assert verdict(judged, answer_of(responded(1, at=EPOCH, variant="canary"), EPOCH)) is True
    assert verdict(judged, answer_of(responded(1, at=EPOCH, variant="shadow"), EPOCH)) is None
