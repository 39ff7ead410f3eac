"""How often boundaries are crossed without cause, when one looks after every window."""

import math

import numpy as np
import pytest

from services.rollout.comparisons.amount_ratios import AmountRatio
from services.rollout.comparisons.comparison import Pair, always_valid
from services.rollout.comparisons.pairs import WinRate
from services.rollout.evidence.amounts import LEAST_WINDOWS, amount_of
from services.rollout.evidence.trials import Trials
from services.rollout.figures import Figures

ALPHA = 0.05
WALKS = 300


def test_a_mean_at_its_margin_is_called_worse_in_at_most_alpha_of_the_walks() -> None:
    chance, crossed = np.random.default_rng(3), 0
    for _ in range(WALKS):
        ours, theirs = chance.beta(2, 6, (80, 10)) + 0.05, chance.beta(2, 6, (80, 30))
        for looks in range(1, 81):
            first = Trials(float(ours[:looks].sum()), looks * 10)
            second = Trials(float(theirs[:looks].sum()), looks * 30)
            if always_valid(first, second, ALPHA).low > 0.05:
                crossed += 1
                break
    assert crossed / WALKS <= ALPHA


def test_the_same_boundary_finds_a_mean_that_is_worse() -> None:
    chance = np.random.default_rng(4)
    ours, theirs = chance.beta(5, 5, 600), chance.beta(2, 6, 1800)
    assert always_valid(Trials(float(ours.sum()), 600), Trials(float(theirs.sum()), 1800), ALPHA).low > 0.05


def test_lengths_at_their_ratio_are_called_worse_in_at_most_alpha_of_the_walks() -> None:
    chance, crossed = np.random.default_rng(5), 0
    ratio = AmountRatio("tokens", "tokens", lambda figures: figures.tokens, 1.5)
    for _ in range(WALKS):
        ours = chance.lognormal(math.log(1.5), 1.0, (60, 20)).sum(axis=1)
        theirs = chance.lognormal(0, 1.0, (60, 60)).sum(axis=1)
        for looks in range(LEAST_WINDOWS, 61):
            first = Figures(tokens=amount_of((float(total), 20.0) for total in ours[:looks]))
            second = Figures(tokens=amount_of((float(total), 60.0) for total in theirs[:looks]))
            if ratio.harm(Pair(first, second, ALPHA, 30)):
                crossed += 1
                break
    assert crossed / WALKS <= ALPHA


@pytest.mark.parametrize(("chance_to_win", "taken_back"), [(0.4, False), (0.15, True)])
def test_pairs_at_the_margin_are_no_harm_and_pairs_far_below_it_are(chance_to_win: float, taken_back: bool) -> None:
    chance, crossed, rate = np.random.default_rng(6), 0, WinRate(0.1, 20)
    for _ in range(WALKS):
        won = np.cumsum(chance.random(200) < chance_to_win)
        looks = (Figures(pairs=Trials(float(won[n - 1]), n)) for n in range(1, 201))
        crossed += any(rate.harm(Pair(seen, Figures(), ALPHA, 30)) for seen in looks)
    assert (crossed / WALKS > 0.95) if taken_back else (crossed / WALKS <= ALPHA)
