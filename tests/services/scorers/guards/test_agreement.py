"""Two guards' agreement on the same calls."""

import pytest

from services.scorers.contract import Score
from services.scorers.guards.agreement import agreement, cohen

SAFE = Score("prompt.a", 0.1, "safe")
HATE = Score("prompt.a", 0.9, "unsafe", ("hate",))
CRIME = Score("prompt.a", 0.8, "unsafe", ("nonviolent-crimes",))
OPEN = Score("prompt.a", None, unjudged="the endpoint answered 503")


def test_kappa_is_cohens() -> None:
    # The table of Cohen's statistic in its usual textbook form: 20 and 15 alike, 5 and 10 apart.
    pairs = [(True, True)] * 20 + [(True, False)] * 5 + [(False, True)] * 10 + [(False, False)] * 15

    kappa = cohen(pairs)

    assert kappa.agreed == pytest.approx(0.7)
    assert kappa.kappa == pytest.approx(0.4)


def test_the_same_answers_agree_wholly_and_opposite_ones_less_than_chance() -> None:
    assert agreement([SAFE, HATE], [SAFE, HATE]).overall.kappa == 1.0
    assert agreement([SAFE, HATE], [HATE, SAFE]).overall.kappa == -1.0


def test_who_is_always_right_by_chance_has_no_kappa() -> None:
    assert agreement([SAFE, SAFE], [SAFE, SAFE]).overall == cohen([(False, False)] * 2)
    assert agreement([SAFE, SAFE], [SAFE, SAFE]).overall.kappa is None
    assert agreement([], []).overall.count == 0


def test_what_one_could_not_judge_counts_nowhere() -> None:
    found = agreement([SAFE, OPEN, HATE], [SAFE, HATE, OPEN], hazards=["hate"])

    assert found.overall.count == 1
    assert found.by_hazard["hate"].count == 1


def test_guards_that_agree_on_unsafe_may_not_agree_on_why() -> None:
    found = agreement([SAFE, HATE, HATE, SAFE], [SAFE, CRIME, HATE, SAFE], hazards=["hate", "nonviolent-crimes"])

    assert found.overall.kappa == 1.0
    assert found.by_hazard["hate"].kappa == pytest.approx(0.5)
    assert found.by_hazard["nonviolent-crimes"].agreed == 0.75


def test_rows_of_other_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="longer"):
        agreement([SAFE], [SAFE, SAFE])
