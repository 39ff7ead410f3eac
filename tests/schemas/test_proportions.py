import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.proportions import accuracy, wilson_interval


@given(st.integers(0, 500), st.integers(0, 500), st.floats(0.1, 6))
def test_wilson_holds_the_share_and_stays_within_zero_and_one(hits: int, misses: int, z: float) -> None:
    low, high = wilson_interval(hits, hits + misses, z)
    assert 0 <= low <= high <= 1
    if hits + misses:
        assert low <= hits / (hits + misses) <= high


def test_wilson_agrees_with_a_published_example() -> None:
    # Newcombe 1998, table I: 81 of 263 and 0 of 20.
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


def test_nothing_counted_says_nothing() -> None:
    assert wilson_interval(0, 0) == (0.0, 1.0)
    assert wilson_interval(3, 4, math.inf) == (0.0, 1.0)


def test_more_successes_than_trials_are_refused() -> None:
    with pytest.raises(ValueError, match="5 successes of 4"):
        wilson_interval(5, 4)


def test_accuracy_carries_its_interval() -> None:
    found = accuracy(90, 100)
    assert (found.value, round(found.low, 3), round(found.high, 3)) == (0.9, 0.826, 0.945)
