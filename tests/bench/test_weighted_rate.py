"""A seeded part of the bench of weighted rates: the estimate is right, and its interval holds it as often as told."""

import pytest

from tests.bench.weighted_rate import COVERAGE, found


@pytest.mark.parametrize("quality", ["good", "useless", "wrong"])
def test_rate_and_interval_hold_over_five_hundred_streams(quality: str) -> None:
    case = found(0.01, quality, calls=1_000_000, count=500, seed=4)
    assert abs(case.bias_se) <= 2.0
    assert COVERAGE[0] <= case.coverage <= COVERAGE[1]
    assert case.judged == pytest.approx(0.05, abs=0.01)


def test_where_hardly_a_heavy_hit_is_drawn_the_interval_errs_on_the_wide_side() -> None:
    case = found(0.001, "fair", calls=200_000, count=200, seed=4)
    assert case.wilson < 0.85
    assert case.coverage >= COVERAGE[0]
