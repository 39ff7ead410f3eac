"""Intervals and bounds: coverage by simulation, behaviour at the edges by properties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.judging.statistics import (
    Correct,
    count_to_prove,
    count_to_rule_out,
    difference_bound,
    growth_bound,
    mean_interval,
)


def _answers(won: int, lost: int, tied: int) -> tuple[Correct, Correct]:
    candidate = np.array([True] * won + [False] * lost + [True] * tied)
    incumbent = np.array([False] * won + [True] * lost + [True] * tied)
    return candidate, incumbent


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 200))
def test_the_bound_lies_below_the_observed_difference_of_smoothed_counts(won: int, lost: int, tied: int) -> None:
    candidate, incumbent = _answers(won, lost, tied)
    bound = difference_bound(candidate, incumbent, seed=1)
    assert -1 <= bound <= (won - lost) / (candidate.size + 2) + 1e-9


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 100))
def test_one_more_win_never_lowers_the_bound_much(won: int, lost: int, tied: int) -> None:
    before = difference_bound(*_answers(won, lost, tied + 1), seed=1)
    after = difference_bound(*_answers(won + 1, lost, tied), seed=1)
    assert after >= before - 2 / (won + lost + tied + 3)


def test_the_bound_covers_at_its_nominal_rate() -> None:
    random = np.random.default_rng(5)
    for won_ratio, lost_ratio, size in ((0.10, 0.10, 60), (0.05, 0.03, 120), (0.3, 0.1, 50)):
        covered = 0
        for trial in range(400):
            won, lost, tied = random.multinomial(size, (won_ratio, lost_ratio, 1 - won_ratio - lost_ratio))
            covered += difference_bound(*_answers(won, lost, tied), seed=trial) <= won_ratio - lost_ratio
        # 95 % of 400 within 3 standard errors; a plain bootstrap fails where few prompts differ.
        assert covered / 400 >= 0.95 - 3 * 0.011


def test_agreement_on_few_prompts_proves_little() -> None:
    assert difference_bound(*_answers(0, 0, 5), seed=1) < -0.2
    assert difference_bound(*_answers(0, 0, 500), seed=1) > -0.01


def test_no_prompts_prove_nothing() -> None:
    assert difference_bound(*_answers(0, 0, 0), seed=1) == -1.0


def test_the_same_seed_gives_the_same_bound() -> None:
    answers = _answers(12, 7, 90)
    assert difference_bound(*answers, seed=3) == difference_bound(*answers, seed=3)


def test_answers_to_different_prompts_are_rejected() -> None:
    with pytest.raises(ValueError, match="not the same prompts"):
        difference_bound(np.array([True]), np.array([True, False]), seed=1)


@given(st.floats(0.01, 0.5))
def test_the_needed_count_is_just_enough_to_rule_a_loss_out(margin: float) -> None:
    needed = count_to_prove(margin)
    assert difference_bound(*_answers(0, 0, needed), seed=1) >= -margin - 1e-9


def test_right_and_wrong_as_numbers_give_the_bound_of_right_and_wrong() -> None:
    candidate, incumbent = _answers(12, 7, 90)
    graded = difference_bound(candidate.astype(np.float64), incumbent.astype(np.float64), seed=3)
    assert graded == difference_bound(candidate, incumbent, seed=3)


@pytest.mark.parametrize(
    ("losses", "size"), [(0.02, 50), (0.1, 120)], ids=["a loss that few samples hold", "rare, large losses"]
)
def test_the_bound_of_graded_answers_covers_where_losses_are_rare_and_large(losses: float, size: int) -> None:
    random = np.random.default_rng(11)
    passed = 0
    for trial in range(400):
        lost = random.random(size) < losses
        # Of no gain in truth: what the many small wins bring, the losses take.
        difference = np.where(lost, -0.8, 0.8 * losses / (1 - losses))
        passed += difference_bound(np.clip(0.9 + difference, 0, 2), np.full(size, 0.9), seed=trial) > 0
    # A plain bootstrap lets a third of the first through, and a tenth of the second.
    assert passed / 400 <= 0.05 + 3 * 0.011


def test_the_bound_of_graded_answers_sees_a_gain() -> None:
    random = np.random.default_rng(2)
    incumbent = random.uniform(0.2, 0.7, 300)
    candidate = np.clip(incumbent + random.normal(0.05, 0.2, 300), 0, 1)
    assert 0 < difference_bound(candidate, incumbent, seed=1) < float((candidate - incumbent).mean())


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=40))
def test_the_bound_of_graded_answers_lies_between_minus_one_and_the_mean(pairs: list[tuple[float, float]]) -> None:
    candidate, incumbent = (np.array(side) for side in zip(*pairs, strict=True))
    bound = difference_bound(candidate, incumbent, seed=1)
    assert -1 <= bound <= max(0.0, float((candidate - incumbent).mean())) + 1e-9


@given(st.lists(st.floats(0, 1), max_size=60))
def test_the_interval_of_a_mean_holds_the_mean(values: list[float]) -> None:
    low, high = mean_interval(np.array(values))
    assert 0 <= low <= high <= 1
    assert low - 1e-9 <= (sum(values) / len(values) if values else 0.0) <= high + 1e-9


def test_a_growth_that_is_there_is_ruled_out_at_the_nominal_rate() -> None:
    random = np.random.default_rng(9)
    ruled_out = 0
    for _ in range(1000):
        fate = random.random(400)
        candidate, incumbent = fate < 0.04, (fate >= 0.04) & (fate < 0.05)
        ruled_out += growth_bound(candidate.astype(np.float64), incumbent.astype(np.float64)) <= 0.03
    # The bootstrap's percentile lets 6 to 9 % through here.
    assert ruled_out / 1000 <= 0.05 + 2 * 0.007


@given(st.floats(0.005, 0.5))
def test_the_count_to_rule_a_growth_out_is_just_enough(margin: float) -> None:
    nothing = np.zeros(count_to_rule_out(margin))
    assert growth_bound(nothing, nothing) <= margin + 1e-9
    assert growth_bound(nothing[1:], nothing[1:]) > margin - 1e-9 or nothing.size == 1


def test_no_prompts_rule_no_growth_out() -> None:
    assert growth_bound(np.zeros(0), np.zeros(0)) == 1.0
