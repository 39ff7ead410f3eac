"""The recount of windows, and that it tells a window that differs in anything."""

import msgspec
import pytest

from schemas.codec import from_unix_ms
from schemas.observations import WindowClosed
from schemas.record import Series
from schemas.sketches import Accumulator
from tests.bench.comparison import Answered, Copy, Cut, Judgement, Recount, Times, believed, differences

LENGTH = 5_000
TIMES = Times(LENGTH, 2_000, 60_000)
EPOCH = 1_800_000_000_000
SERIES = Series("guard", "v1", "stable")
LATENCIES = (10.0, 20.0, 400.0)


def answered(number: int, *, at: int = 100, delay: int = 50, latency: float = 10.0) -> Answered:
    """Return a response that occurred `at` and was logged `delay` later, milliseconds from EPOCH."""
    copies = (Copy(0, number, EPOCH + at + delay),)
    return Answered(f"r{number}", SERIES, EPOCH + at, False, 3, 1, 0.5, latency, None, "safe", copies)


def recounted(*answers: Answered, judgements: tuple[Judgement, ...] = ()) -> Recount:
    recount = Recount(TIMES, frozenset(judgement.request_id for judgement in judgements))
    for answer in answers:
        recount.answered(answer)
    for judgement in judgements:
        recount.judgement(judgement)
    return recount


def told(latencies: tuple[float, ...] = LATENCIES, *, late: int = 0, first: int = 0, last: int = 9) -> WindowClosed:
    """Return the partial of responses of the first window."""
    accumulator = Accumulator()
    for latency in latencies:
        accumulator.add(latency)
    count = float(len(latencies))
    sums = {"responses": count, "errors": 0.0, "input_tokens": 3 * count, "output_tokens": count}
    return WindowClosed(
        event_id=f"window-{first}-{last}",
        occurred_at=from_unix_ms(EPOCH + LENGTH),
        app="guard",
        adapter_version="v1",
        window_start=from_unix_ms(EPOCH),
        window_end=from_unix_ms(EPOCH + LENGTH),
        source_topic="inference.responded.v1",
        source_partition=0,
        first_offset=first,
        last_offset=last,
        counters={**sums, "cost_usd": 0.5 * count},
        sketches={"latency_ms": accumulator.sketch()},
        late=late,
    )


def whole() -> Recount:
    return recounted(*(answered(number, latency=latency) for number, latency in enumerate(LATENCIES)))


def test_a_window_like_the_recount_does_not_differ() -> None:
    assert differences(whole().cells, believed([told()])) == []


@pytest.mark.parametrize(
    ("partial", "word"),
    [
        (told((10.0, 20.0)), "responses"),
        (told((10.0, 20.5, 400.0)), "latency_ms: p50"),
        (told(late=1), "late"),
        (msgspec.structs.replace(told(), counters={**told().counters, "errors": 1.0}), "errors"),
    ],
)
def test_a_window_that_differs_is_told_with_what_differs(partial: WindowClosed, word: str) -> None:
    found = differences(whole().cells, believed([partial]))
    assert any(word in difference.reason for difference in found)


def test_a_window_that_was_not_told_differs_and_so_does_one_without_raw_rows() -> None:
    assert any("not told" in difference.reason for difference in differences(whole().cells, {}))
    assert any("without raw rows" in difference.reason for difference in differences({}, believed([told()])))


def test_of_a_partial_told_again_incomplete_the_first_telling_is_believed() -> None:
    again = told((400.0,), first=5)
    assert differences(whole().cells, believed([told(), again])) == []
    assert differences(whole().cells, believed([again])) != []


def test_a_late_response_counts_as_late_in_the_window_in_which_it_was_logged() -> None:
    cells = recounted(answered(1, at=100, delay=6_000)).cells
    assert {(cut.start, cell.late) for cut, cell in cells.items()} == {(EPOCH + LENGTH, 1)}


def test_a_response_sent_twice_counts_once_in_a_window() -> None:
    answer = answered(1)
    twice = answer._replace(copies=(*answer.copies, Copy(0, 2, EPOCH + 160)))
    (cell,) = recounted(twice).cells.values()
    assert cell.sums["responses"] == 1


def test_feedback_counts_for_answers_logged_within_the_horizon_and_before_its_window_ends() -> None:
    given = Judgement("r1", EPOCH + 70_000, "safe", None, (Copy(0, 7, EPOCH + 70_000),))
    known = recounted(answered(1, at=20_000), judgements=(given,)).cells
    cut = Cut(SERIES, EPOCH + 70_000, "feedback.given.v1", 0)
    assert known[cut].sums == {"feedback": 1, "feedback_correct": 1}
    assert cut not in recounted(answered(1, at=100), judgements=(given,)).cells
    assert cut not in recounted(answered(1, at=78_000), judgements=(given,)).cells


def test_of_what_one_person_says_in_a_window_the_last_counts_and_another_person_counts_beside() -> None:
    def said(at: int, offset: int, score: float, user: str = "") -> Judgement:
        return Judgement("r1", EPOCH + at, None, score, (Copy(0, offset, EPOCH + 900),), ("user", user))

    judgements = (said(500, 3, 1.0), said(600, 1, 0.0), said(600, 2, 1.0), said(400, 4, 0.0), said(100, 5, 0.0, "ann"))
    cut = Cut(SERIES, EPOCH, "feedback.given.v1", 0)
    assert recounted(answered(1), judgements=judgements).cells[cut].sums == {"feedback": 2, "feedback_correct": 1}
