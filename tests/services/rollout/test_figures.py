import pytest

from schemas.partials import partial_key, preferred
from schemas.record import Variant
from services.rollout.figures import Figures, summed
from tests.services.rollout.builders import window


@pytest.mark.parametrize("first", [0, 5])
def test_an_incomplete_partial_of_a_replay_does_not_replace_the_complete_one(first: int) -> None:
    complete = window("v2", Variant.CANARY, 5, correct=30, count=40)
    again = window("v2", Variant.CANARY, 5, correct=2, count=3, first=first)
    assert partial_key(complete) == partial_key(again)
    assert summed([preferred(complete, again)]).judged == 40
    assert summed([preferred(again, complete)]).judged == 40


def test_sums_run_over_windows() -> None:
    both = [window("v2", Variant.CANARY, begins, correct=30, count=40) for begins in (5, 10)]
    assert (summed(both).judged, summed(both).correct) == (80, 60)


def test_figures_that_contradict_themselves_are_rejected() -> None:
    with pytest.raises(ValueError, match="contradict"):
        Figures(responses=1, judged=1, correct=2)
