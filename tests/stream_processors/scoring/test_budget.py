"""A guard's chances: full where all can be paid for, and spending the budget where not."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processors.scoring import budget as module
from stream_processors.scoring.budget import LEAST, REST_SHARE, Budget, Chances, Load, affordable, chances, moved

rates = st.floats(0, 1e5)


def spent(found: Chances, load: Load) -> float:
    return found.suspicious * load.suspicious + found.rest * load.rest


def test_examples_hold() -> None:
    assert doctest.testmod(module).failed == 0


def test_without_limits_all_suspicious_calls_are_judged_and_the_base_share_of_the_rest() -> None:
    assert chances(Budget(base=0.05), Load(suspicious=10, rest=190)) == Chances(1.0, 0.05)


def test_nothing_suspicious_leaves_the_budget_to_the_rest() -> None:
    found = chances(Budget(base=0.2, calls_a_minute=600), Load(suspicious=0, rest=100))
    assert found == Chances(1.0, 0.1)


def test_suspicious_calls_do_not_take_what_is_the_rests() -> None:
    load = Load(suspicious=60, rest=140)
    found = chances(Budget(base=0.05, calls_a_minute=600), load)
    assert found.rest * load.rest == pytest.approx(10 * REST_SHARE)
    assert spent(found, load) == pytest.approx(10)


def test_what_cannot_be_told_apart_is_sampled_alike() -> None:
    load = Load(suspicious=1000, rest=100)
    found = chances(Budget(base=0.05, calls_a_minute=600), load)
    assert found.suspicious == found.rest == pytest.approx(10 / 1100)


@given(st.floats(1, 1e5), rates, rates, st.floats(0.01, 1))
def test_the_budget_is_kept_and_chances_are_chances(calls: float, suspicious: float, rest: float, base: float) -> None:
    budget, load = Budget(base=base, calls_a_minute=calls), Load(suspicious=suspicious, rest=rest)
    found = chances(budget, load)
    assert LEAST <= found.rest <= found.suspicious <= 1
    assert found.rest <= max(base, LEAST)
    assert spent(found, load) <= calls / 60 * (1 + 1e-9) + LEAST * (suspicious + rest)


@given(rates, st.floats(0.001, 10), st.floats(0, 3600))
def test_being_behind_never_raises_a_chance(rate: float, seconds: float, age: float) -> None:
    def found(behind: float) -> Chances:
        return chances(Budget(), Load(suspicious=rate / 50, rest=rate, seconds_a_call=seconds, age_s=behind))

    assert found(age).suspicious <= found(0).suspicious + 1e-12
    assert found(age).rest <= found(0).rest + 1e-12


def test_a_guard_that_is_an_hour_behind_makes_up_for_it_within_minutes() -> None:
    load = Load(suspicious=4, rest=196, seconds_a_call=0.1, age_s=3600)
    found = chances(Budget(), load)
    # It works a 61st of a second for each second of the log, so an hour is read within a minute; what is least adds.
    assert 0.9 / 61 <= spent(found, load) * 0.1 <= 0.9 / 61 + LEAST * 200 * 0.1


def test_dollars_are_spread_over_what_is_left_of_the_day() -> None:
    load = Load(suspicious=1, rest=99, usd_a_call=0.01, usd_left=36.0, day_left_s=3600)
    assert affordable(Budget(usd_a_day=100.0), load) == pytest.approx(1.0)
    none_left = Load(suspicious=1, rest=99, usd_a_call=0.01, usd_left=0.0, day_left_s=3600)
    assert chances(Budget(usd_a_day=100.0), none_left) == Chances(LEAST, LEAST)


@pytest.mark.parametrize("other", [{"base": 0.0}, {"calls_a_minute": 0.0}, {"usd_a_day": -1.0}])
def test_a_budget_of_nothing_is_refused(other: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="no budget"):
        Budget(**other)


def test_chances_move_by_more_than_noise_and_back_to_full() -> None:
    assert not moved(Chances(1.0, 0.030), Chances(1.0, 0.033))
    assert moved(Chances(1.0, 0.030), Chances(1.0, 0.040))
    assert moved(Chances(0.95, 0.030), Chances(1.0, 0.030))
