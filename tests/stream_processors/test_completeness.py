"""Which windows lack nothing: told by functional's reports and by its commits, never by a clock."""

from collections.abc import Mapping

from schemas.metrics import Kind
from stream_processors.completeness import Completeness
from stream_processors.delivery import Source

ACCURACY = "feedback.accuracy"
ERRORS = "error.ratio"
FEEDBACK = "feedback.given.v1"
RESPONSES = "inference.responded.v1"
CLOCK: Mapping[Kind, int] = {"window": 90_000, "score": 90_000, "drift": 90_000}


def looked(complete: Completeness) -> Completeness:
    complete.look(CLOCK, lateness=0)
    return complete


def test_a_window_is_complete_when_all_partitions_have_reported_it() -> None:
    complete = Completeness(())
    complete.reported(Source(FEEDBACK, 0), 5000)
    assert looked(complete).until(ACCURACY) == 0
    complete.reported(Source(FEEDBACK, 1), 5000)
    assert looked(complete).until(ACCURACY) == 5000


def test_responses_and_feedback_become_complete_apart() -> None:
    complete = Completeness(())
    for partition in (0, 1):
        complete.reported(Source(RESPONSES, partition), 5000)
    assert looked(complete).until(ERRORS) == 5000
    assert complete.until(ACCURACY) == 0


def test_a_clock_alone_completes_scores_but_no_window() -> None:
    complete = looked(Completeness(()))
    assert complete.until("prompt.injection_ratio") == 90_000
    assert complete.until(ERRORS) == 0


def test_what_is_complete_stays_so() -> None:
    complete = Completeness(())
    for partition, end in ((0, 9000), (1, 9000), (0, 4000)):
        complete.reported(Source(FEEDBACK, partition), end)
    assert looked(complete).until(ACCURACY) == 9000


def test_the_partition_that_has_reported_least_says_how_far_all_have_come() -> None:
    complete = Completeness(())
    for source in complete.sources:
        complete.reported(source, 7000)
    complete.reported(Source(RESPONSES, 1), 9000)
    assert complete.reached == 7000
