"""A monitor over scores measures one version of a scorer in a window, never a mixture."""

import msgspec

from schemas.metrics import SCORE_METRICS
from schemas.observations import RecordedScore
from stream_processors.monitors.weighted_scores import Tally, measure
from tests.stream_processors.observed import score

(RATIO,) = (metric for metric in SCORE_METRICS if metric.name == "prompt.injection_ratio")


def tally_of(*counts: tuple[str, int, int]) -> Tally:
    """Return the tally of scores: by version how many were unsafe and how many safe."""
    tally = Tally()
    number = 0
    for version, unsafe, safe in counts:
        for label in ["unsafe"] * unsafe + ["safe"] * safe:
            number += 1
            given = RecordedScore(name="prompt.injection", value=0.5, label=label, scorer=f"head@{version}")
            tally.put(msgspec.structs.replace(score(number, 0.5, name="prompt.injection"), scores=(given,)))
    return tally


def test_a_window_in_which_the_version_changed_is_measured_by_the_one_that_judged_more() -> None:
    found = measure(RATIO, [tally_of(("1", 0, 40), ("2", 30, 30))])
    assert (found.value, found.count) == (0.5, 60)


def test_the_versions_of_all_cells_of_a_window_are_counted_together() -> None:
    cells = [tally_of(("1", 0, 40)), tally_of(("1", 0, 10), ("2", 30, 15)), tally_of(("2", 0, 15))]
    found = measure(RATIO, cells)
    assert (found.value, found.count) == (0.5, 60)


def test_of_two_versions_that_judged_as_many_the_later_name_counts_whatever_their_order() -> None:
    for counts in ((("1", 0, 10), ("2", 10, 0)), (("2", 10, 0), ("1", 0, 10))):
        assert measure(RATIO, [tally_of(*counts)]).value == 1


def test_without_a_score_there_is_no_measure() -> None:
    found = measure(RATIO, [Tally()])
    assert (found.value, found.count) == (None, 0)
