from collections.abc import Mapping

from schemas.metrics import Kind
from stream_processors.completeness import HELD_MS, LONGEST_HELD_MS, Completeness
from stream_processors.delivery import Source

ACCURACY = "feedback.accuracy"
TOPIC = "feedback.given.v1"


def clock(now: int) -> Mapping[Kind, int]:
    return {"window": now, "score": now, "drift": now}


def judged_by_clock(until: int) -> Completeness:
    complete = Completeness(())
    complete.look(clock(until), lateness=0)
    assert complete.until(ACCURACY) == until
    return complete


def come(complete: Completeness, partition: int, start: int, topic: str = TOPIC) -> None:
    """One partition's partial of the window of a second that begins at `start`."""
    complete.reported(Source(topic, partition), start + 1000)
    complete.corrected(topic, start, start + 1000)


def test_a_window_is_complete_when_all_partitions_have_reported_it() -> None:
    complete = Completeness(())
    come(complete, 0, 4000)
    complete.look(clock(0), lateness=0)
    assert complete.until(ACCURACY) == 0
    come(complete, 1, 4000)
    complete.look(clock(0), lateness=0)
    assert complete.until(ACCURACY) == 5000


def test_a_window_that_comes_after_the_clock_passed_it_waits_for_the_other_partition() -> None:
    complete = judged_by_clock(10_000)
    come(complete, 0, 4000)
    assert complete.until(ACCURACY) == 4000
    complete.look(clock(10_250), lateness=0)
    assert complete.until(ACCURACY) == 4000
    come(complete, 1, 4000)
    complete.look(clock(10_500), lateness=0)
    assert complete.until(ACCURACY) == 5000
    complete.look(clock(10_500 + HELD_MS), lateness=0)
    assert complete.until(ACCURACY) == 10_500 + HELD_MS


def test_a_window_that_comes_late_is_judged_after_a_while_though_the_other_partition_is_idle() -> None:
    complete = judged_by_clock(10_000)
    come(complete, 0, 4000)
    complete.look(clock(10_000 + HELD_MS - 1), lateness=0)
    assert complete.until(ACCURACY) == 4000
    complete.look(clock(10_000 + HELD_MS), lateness=0)
    assert complete.until(ACCURACY) == 10_000 + HELD_MS


def test_late_windows_of_responses_announce_those_of_feedback() -> None:
    complete = judged_by_clock(10_000)
    for partition in (0, 1):
        come(complete, partition, 4000, "inference.responded.v1")
    complete.look(clock(10_250), lateness=0)
    assert complete.until("error.ratio") == 5000
    assert complete.until(ACCURACY) == 4000
    for partition in (0, 1):
        come(complete, partition, 4000)
    complete.look(clock(10_500), lateness=0)
    assert complete.until(ACCURACY) == 5000


def test_windows_that_always_come_late_are_judged_all_the_same() -> None:
    complete = judged_by_clock(10_000)
    now, reached = 10_000, []
    while now <= 10_000 + LONGEST_HELD_MS:
        come(complete, 0, now - 5000)
        now += 500
        complete.look(clock(now), lateness=0)
        reached.append(complete.until(ACCURACY))
    assert max(reached) >= 10_000 + LONGEST_HELD_MS


def test_a_window_on_time_changes_nothing() -> None:
    complete = judged_by_clock(10_000)
    come(complete, 0, 9500)
    complete.look(clock(10_250), lateness=0)
    assert complete.until(ACCURACY) == 10_250
