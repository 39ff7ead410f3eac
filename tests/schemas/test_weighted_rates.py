"""Weighted rates: what they are where all is judged, what a sample adds, and that parts add up."""

import doctest
import random
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from schemas import weighted_rates
from schemas.weighted_rates import WeightedSums, hajek, horvitz_thompson

Judged = tuple[bool, float]
judged = st.lists(st.tuples(st.booleans(), st.floats(1 / 2048, 1.0)), min_size=1, max_size=60)


def sums_of(events: Iterable[Judged]) -> WeightedSums:
    sums = WeightedSums()
    for hit, probability in events:
        sums.add(hit=hit, probability=probability)
    return sums


def all_judged(hits: int, count: int) -> WeightedSums:
    return sums_of([(True, 1.0)] * hits + [(False, 1.0)] * (count - hits))


def exact_mid_p(hits: int, count: int) -> tuple[float, float]:
    """The mid-P interval of a binomial share, by halving."""

    def probability(at: float) -> float:
        low = beta.cdf(at, hits, count - hits + 1) if hits else 1.0
        high = beta.cdf(at, hits + 1, count - hits) if hits < count else 0.0
        return float(low + high) / 2

    ends = []
    for wanted in (0.025, 0.975):
        low, high = 0.0, 1.0
        for _ in range(50):
            middle = (low + high) / 2
            low, high = (middle, high) if probability(middle) < wanted else (low, middle)
        ends.append(low)
    return (ends[0] if hits else 0.0), (ends[1] if hits < count else 1.0)


def test_examples_hold() -> None:
    assert doctest.testmod(weighted_rates).failed == 0


@pytest.mark.parametrize(("hits", "count"), [(0, 40), (1, 40), (3, 40), (20, 40), (39, 40), (40, 40), (12, 5000)])
def test_where_all_is_judged_it_is_the_mid_p_interval_of_a_share(hits: int, count: int) -> None:
    found, exact = hajek(all_judged(hits, count)), exact_mid_p(hits, count)
    assert found.rate == hits / count
    # Paulson's approximation is furthest off at a single hit's lower end.
    assert (found.low, found.high) == pytest.approx(exact, rel=0.03, abs=0.0005)
    assert found.variance == pytest.approx(hits / count * (1 - hits / count) / count)


@pytest.mark.parametrize("hits", [1, 7, 40])
def test_both_estimates_are_one_where_all_is_judged(hits: int) -> None:
    sums = all_judged(hits, 200)
    one, other = hajek(sums), horvitz_thompson(sums, 200)
    assert (one.rate, one.low, one.high, one.variance) == pytest.approx(
        (other.rate, other.low, other.high, other.variance)
    )


def test_the_variance_is_that_of_many_draws_from_many_streams() -> None:
    dice = np.random.default_rng(3)
    rates, told = [], []
    for _ in range(1500):
        suspicious = dice.binomial(2000, 0.05)
        strata = []
        for size, share, chance in ((suspicious, 0.6, 1.0), (2000 - suspicious, 0.02, 0.1)):
            unsafe = dice.binomial(size, share)
            hits, misses = dice.binomial(unsafe, chance), dice.binomial(size - unsafe, chance)
            drawn = hits + misses
            strata.append(WeightedSums(drawn, hits, drawn / chance, drawn / chance**2, hits / chance, hits / chance**2))
        estimate = hajek(WeightedSums.together(strata))
        rates.append(estimate.rate)
        told.append(estimate.variance)
    assert float(np.mean(rates)) == pytest.approx(0.05 * 0.6 + 0.95 * 0.02, rel=0.03)
    assert float(np.mean(told)) == pytest.approx(float(np.var(rates)), rel=0.15)


def test_a_sample_is_less_sure_than_all_of_it_and_a_light_hit_less_uncertain_than_a_heavy_one() -> None:
    whole = hajek(all_judged(10, 1000))
    sample = hajek(sums_of([(True, 0.1)] + [(False, 0.1)] * 99))
    light = hajek(sums_of([(True, 1.0)] * 10 + [(False, 0.1)] * 99))
    assert whole.high - whole.low < light.high - light.low < sample.high - sample.low
    assert sample.rate == whole.rate


def test_what_no_heavy_hit_was_drawn_of_may_still_hide_one() -> None:
    found = hajek(sums_of([(True, 1.0)] * 10 + [(False, 0.01)] * 100))
    assert found.rate == pytest.approx(10 / 10_010)
    assert found.high > 100 / 10_010  # one hit of the kind that was drawn with 1/100


@given(judged)
def test_the_interval_holds_the_rate_within_its_bounds(events: list[Judged]) -> None:
    found = hajek(sums_of(events))
    assert 0 <= found.low <= found.rate <= found.high <= 1
    assert found.effective_count > 0


@given(judged, st.integers(0, 60), st.randoms(use_true_random=False))
def test_parts_add_up_in_any_order(events: list[Judged], cut: int, dice: random.Random) -> None:
    whole = hajek(sums_of(events))
    dice.shuffle(events)
    parts = hajek(WeightedSums.together((sums_of(events[:cut]), sums_of(events[cut:]))))
    assert (parts.rate, parts.low, parts.high) == pytest.approx((whole.rate, whole.low, whole.high))


@given(judged)
def test_hits_and_misses_are_mirror_images(events: list[Judged]) -> None:
    one, other = hajek(sums_of(events)), hajek(sums_of((not hit, chance) for hit, chance in events))
    assert (one.rate, one.low, one.high) == pytest.approx((1 - other.rate, 1 - other.high, 1 - other.low), abs=1e-9)


@pytest.mark.parametrize("probability", [0.0, -0.1, 1.01, float("nan")])
def test_what_cannot_have_been_drawn_is_refused(probability: float) -> None:
    with pytest.raises(ValueError, match="sampling probability"):
        WeightedSums().add(hit=True, probability=probability)


def test_nothing_judged_is_no_rate() -> None:
    with pytest.raises(ValueError, match="nothing was judged"):
        hajek(WeightedSums())
    with pytest.raises(ValueError, match="5 judged of 4"):
        horvitz_thompson(all_judged(1, 5), 4)
