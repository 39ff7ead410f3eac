"""Which windows lack nothing: told by functional's reports and by its commits, never by a clock."""

from collections.abc import Mapping

import msgspec

from schemas.metrics import Kind
from schemas.observations import WindowClosed
from stream_processors.frame.delivery import Source
from stream_processors.monitors.completeness import PATIENCE, Completeness
from tests.stream_processors.builders import window

ACCURACY = "feedback.accuracy"
ERRORS = "error.ratio"
FEEDBACK = "feedback.given.v1"
RESPONSES = "inference.responded.v1"
CLOCK: Mapping[Kind, int] = {"window": 90_000, "score": 90_000, "drift": 90_000}
JUDGED = Source(FEEDBACK, 0)


def part(end: int, *, tenant: str = "", of: int = 1, source: Source = JUDGED) -> WindowClosed:
    """Return one of so many series of a window of 1 s."""
    partial = window(end - 1000, partition=source.partition, counters={"feedback": 1.0})
    return msgspec.structs.replace(partial, source_topic=source.topic, tenant=tenant, series_count=of)


def looked(complete: Completeness, *, read_until: int = 90_000, whole_from: int = 0) -> Completeness:
    complete.settle(read_until, whole_from=whole_from)
    complete.look(CLOCK, lateness=0)
    return complete


def beside_a_reported_one(*, whole: bool = True) -> Completeness:
    """Return what is known when the other partition of the feedback has reported all for long."""
    complete = Completeness((), whole=whole)
    complete.reported_all(Source(FEEDBACK, 1), 80_000)
    return complete


def test_a_window_is_complete_when_all_partitions_have_reported_it() -> None:
    complete = Completeness(())
    complete.reported(part(5000), read_at=0)
    assert looked(complete).until(ACCURACY) == 0
    complete.reported(part(5000, source=Source(FEEDBACK, 1)), read_at=0)
    assert looked(complete).until(ACCURACY) == 5000


def test_a_window_is_reported_when_as_many_series_are_there_as_each_of_them_says() -> None:
    complete = beside_a_reported_one()
    complete.reported(part(5000, tenant="a", of=2), read_at=0)
    complete.reported(part(5000, tenant="a", of=2), read_at=0)
    assert looked(complete).until(ACCURACY) == 0
    complete.reported(part(5000, tenant="b", of=2), read_at=0)
    assert looked(complete).until(ACCURACY) == 5000


def test_a_window_is_reported_when_all_partitions_have_been_read_since() -> None:
    complete = beside_a_reported_one()
    complete.reported(part(6000), read_at=6100)
    assert looked(complete, read_until=6099).until(ACCURACY) == 0
    complete.reported(part(5000, tenant="elsewhere"), read_at=6101)
    assert looked(complete, read_until=6100).until(ACCURACY) == 0
    assert looked(complete, read_until=6101).until(ACCURACY) == 6000


def test_a_window_that_lacks_a_series_holds_back_those_behind_it_for_a_while() -> None:
    complete = beside_a_reported_one()
    complete.reported(part(5000, tenant="a", of=2), read_at=0)
    for later in range(1, PATIENCE):
        complete.reported(part(5000 + 1000 * later), read_at=0)
        assert looked(complete).until(ACCURACY) == 0
    complete.reported(part(5000 + 1000 * PATIENCE), read_at=0)
    assert looked(complete).until(ACCURACY) == 5000 + 1000 * PATIENCE


def test_a_part_that_comes_again_with_fewer_beside_it_takes_no_window_for_whole() -> None:
    complete = beside_a_reported_one()
    complete.reported(part(5000, tenant="a", of=2), read_at=0)
    complete.reported(part(5000, tenant="a", of=1), read_at=0)
    assert looked(complete).until(ACCURACY) == 0


def test_windows_begun_before_the_first_message_read_need_not_be_whole() -> None:
    complete = beside_a_reported_one()
    complete.reported(part(5000, tenant="a", of=2), read_at=0)
    assert looked(complete, whole_from=4001).until(ACCURACY) == 5000


def test_where_another_process_holds_some_windows_one_series_stands_for_all() -> None:
    complete = beside_a_reported_one(whole=False)
    complete.reported(part(5000, of=2), read_at=0)
    assert looked(complete).until(ACCURACY) == 5000


def test_responses_and_feedback_become_complete_apart() -> None:
    complete = Completeness(())
    for partition in (0, 1):
        complete.reported(part(5000, source=Source(RESPONSES, partition)), read_at=0)
    assert looked(complete).until(ERRORS) == 5000
    assert complete.until(ACCURACY) == 0


def test_a_clock_alone_completes_scores_but_no_window() -> None:
    complete = looked(Completeness(()))
    assert complete.until("prompt.injection_ratio") == 90_000
    assert complete.until(ERRORS) == 0


def test_what_is_complete_stays_so() -> None:
    complete = beside_a_reported_one()
    complete.reported(part(9000), read_at=0)
    assert looked(complete).until(ACCURACY) == 9000
    complete.reported(part(4000, tenant="a", of=2), read_at=0)
    complete.reported_all(JUDGED, 3000)
    assert looked(complete).until(ACCURACY) == 9000


def test_the_partition_that_has_reported_least_says_how_far_all_have_come() -> None:
    complete = Completeness(())
    for source in complete.sources:
        complete.reported_all(source, 7000)
    complete.reported(part(9000, source=Source(RESPONSES, 1)), read_at=0)
    complete.settle(0)
    assert complete.reached == 7000
