import math
import random

import pytest

from services.rollout.intervals import critical_value, difference, information, sequential_critical_value


def test_newcombe_interval_agrees_with_the_published_example() -> None:
    # Newcombe (1998), table II, case (a), method 10: 56/70 - 48/80.
    interval = difference((56, 70), (48, 80), 1.959964)
    assert (round(interval.low, 4), round(interval.high, 4)) == (0.0524, 0.3339)


def test_newcombe_interval_agrees_with_the_published_example_at_the_edge() -> None:
    # Case (g): 10/10 - 0/20.
    interval = difference((10, 10), (0, 20), 1.959964)
    assert (round(interval.low, 4), interval.high) == (0.6791, 1.0)


def test_an_empty_sample_says_nothing() -> None:
    assert difference((0, 0), (5, 9), 2.0).high == 1.0
    assert math.isinf(sequential_critical_value(information(0, 9), 0.05))


def test_looking_often_costs_more_than_looking_once() -> None:
    assert all(sequential_critical_value(n, 0.05) > critical_value(0.05) for n in (1, 10, 100, 10_000, 10**6))


@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_boundary_is_crossed_without_cause_in_at_most_its_share_of_walks(alpha: float) -> None:
    chance, walks = random.Random(11), 1500
    crossed = 0
    for _ in range(walks):
        total = 0.0
        for step in range(1, 400):
            total += chance.gauss(0, 1)
            if total > math.sqrt(step) * sequential_critical_value(step, alpha):
                crossed += 1
                break
    assert crossed / walks <= alpha
    assert crossed > 0
