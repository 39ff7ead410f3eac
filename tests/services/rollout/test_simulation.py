"""Whole rollouts, simulated: how often an equal canary is taken back, and how soon a worse one.

Each run is a seeded rollout of three canary steps with 5 s windows, 20 judged answers a second of the
app, stable at 90 %. The figures are printed (`pytest -s`) and bounded.
"""

import random
from dataclasses import dataclass
from datetime import timedelta

import pytest

from schemas.learning import RolloutState
from schemas.rollout_policy import RolloutPolicy
from services.rollout.figures import Figures
from services.rollout.judge import HARM_ALPHA
from services.rollout.states import FINAL, Rollout
from services.rollout.transitions import Observation, advanced, share_of
from tests.services.rollout.builders import APP, START
from tests.services.rollout.text_rollouts import STABLE as TEXT
from tests.services.rollout.text_rollouts import WORSE as WORSE_TEXT
from tests.services.rollout.text_rollouts import Tally
from tests.services.rollout.text_rollouts import simulated as text_rollout

POLICY = RolloutPolicy(app=APP, steps=(0.05, 0.25, 0.5), step_for="60s", give_up_after="20m", min_count=30)
WINDOW = timedelta(seconds=5)
ANSWERS_A_WINDOW = 100
STABLE = 0.9


@dataclass(frozen=True, slots=True)
class Run:
    state: RolloutState
    harmed: bool
    windows: int
    canary_answers: int


def _drawn(chance: random.Random, count: int, accuracy: float, before: Figures) -> Figures:
    correct = sum(chance.random() < accuracy for _ in range(count))
    return Figures(
        responses=before.responses + count,
        judged=before.judged + count,
        correct=before.correct + correct,
    )


def simulated(seed: int, accuracy: float) -> Run:
    chance = random.Random(seed)
    rollout = Rollout(
        rollout_id="r", adapter_version="v2", previous_version="v1", state=RolloutState.CANARY, since=START
    )
    canary, stable, windows, answers, now = Figures(), Figures(), 0, 0, START
    while True:
        windows, now = windows + 1, now + WINDOW
        share = share_of(rollout, POLICY)
        taken = sum(chance.random() < share for _ in range(ANSWERS_A_WINDOW))
        canary, stable = (
            _drawn(chance, taken, accuracy, canary),
            _drawn(chance, ANSWERS_A_WINDOW - taken, STABLE, stable),
        )
        answers += taken
        move = advanced(rollout, Observation(loaded=True, candidate=canary, stable=stable), POLICY, now)
        if move is None:
            continue
        if move.rollout.state in FINAL:
            harmed = "difference is at most" in move.rollout.reason
            return Run(move.rollout.state, harmed, windows, answers)
        rollout, canary, stable = move.rollout, Figures(), Figures()


def _report(name: str, runs: list[Run]) -> tuple[float, float, float]:
    promoted = sum(run.state is RolloutState.PROMOTED for run in runs) / len(runs)
    harmed = sum(run.harmed for run in runs) / len(runs)
    windows = sorted(run.windows for run in runs)
    answers = sorted(run.canary_answers for run in runs)
    middle, late = len(runs) // 2, round(len(runs) * 0.95)
    print(
        f"{name}: promoted {promoted:.3f}, found worse {harmed:.3f}, windows to the end p50 {windows[middle]} "
        f"p95 {windows[late]}, canary answers p50 {answers[middle]} p95 {answers[late]}"
    )
    return promoted, harmed, answers[late]


def test_an_equal_canary_is_hardly_ever_taken_back() -> None:
    promoted, harmed, _ = _report("equal", [simulated(seed, STABLE) for seed in range(1000)])
    assert harmed <= 0.01
    assert promoted >= 0.95


def test_a_canary_at_its_margin_is_taken_back_as_harm_no_more_often_than_alpha() -> None:
    _, harmed, _ = _report("-5, the margin", [simulated(seed, STABLE - 0.05) for seed in range(200)])
    assert harmed <= 0.05


def test_a_canary_ten_points_worse_hardly_ever_gets_through() -> None:
    promoted, _, _ = _report("-10", [simulated(seed, STABLE - 0.1) for seed in range(300)])
    assert promoted <= 0.02


def test_a_canary_thirty_points_worse_is_found_by_its_first_answers() -> None:
    promoted, harmed, answers = _report("-30", [simulated(seed, STABLE - 0.3) for seed in range(500)])
    assert promoted == 0
    assert harmed == 1
    assert answers <= 100


def _text(name: str, runs: int) -> Tally:
    """Simulate rollouts of an app that writes; see tests.services.rollout.text_rollouts."""
    candidate = {"equal": TEXT, **WORSE_TEXT}[name]
    tally = Tally.of([text_rollout(seed, candidate, TEXT) for seed in range(runs)])
    print(f"text, {name}: {tally}")
    return tally


def test_an_equal_version_that_writes_is_taken_back_in_at_most_alpha_of_its_rollouts() -> None:
    tally = _text("equal", 300)
    assert tally.harmed <= HARM_ALPHA
    assert tally.promoted >= 0.95


@pytest.mark.parametrize("name", ["rating", "refusals", "unsafe", "length"])
def test_a_version_that_writes_worse_is_taken_back_in_most_of_its_rollouts(name: str) -> None:
    tally = _text(name, 100)
    assert tally.harmed >= 0.9
    assert tally.promoted <= 0.02
