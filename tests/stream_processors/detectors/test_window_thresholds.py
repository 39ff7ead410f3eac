"""When a window's PSI is drift: the reference's own resampling, and what rounding must not do."""

import random

import numpy as np
import pytest

from schemas.false_alarms import FalseAlarms
from schemas.reference import Histogram
from services.scorers.histograms import histogram
from stream_processors.detectors.population_stability import PopulationStability
from stream_processors.detectors.window_thresholds import threshold

DEFAULT = FalseAlarms(100_000, timed=False)
TENTHS = tuple(i / 10 for i in range(1, 10))
V = 0.731058578630


def drifted(reference: list[float], live: list[float], alarms: FalseAlarms = DEFAULT) -> bool:
    psi = PopulationStability.against(histogram(reference))
    return psi.measure(psi.counts(live)) > threshold(psi, len(live), alarms, seconds=30)


@pytest.mark.parametrize(
    ("reference", "live"),
    [
        pytest.param([V] * 200, [V] * 200, id="the same"),
        pytest.param([V] * 200, [V - 1e-7] * 200, id="lower"),
        pytest.param([V] * 200, [V + 1e-7] * 200, id="higher"),
        pytest.param([V] * 200, [V - 1e-7, V + 1e-7] * 100, id="either side in turn"),
        pytest.param([V - 1e-7, V, V + 1e-7] * 70, [V] * 200, id="the reference rounded more"),
        pytest.param([V, V + 3e-7] * 100, [V + 3e-7] * 200, id="one of two that are one"),
        pytest.param([0.0] * 180 + [0.5] * 20, [1e-9] * 180 + [0.5] * 20, id="zeros"),
        pytest.param([1.0] * 180 + [0.5] * 20, [1 - 1e-7] * 180 + [0.5] * 20, id="ones"),
        pytest.param([V] * 200, [V] * 199 + [0.2], id="one stray score"),
    ],
)
def test_rounding_is_no_drift(reference: list[float], live: list[float]) -> None:
    psi = PopulationStability.against(histogram(reference))

    assert psi.measure(psi.counts(live)) < 0.25
    assert not drifted(reference, live)


@pytest.mark.parametrize("moved", [0.2, 0.9])
def test_a_constant_that_moved_is_drift_on_either_side(moved: float) -> None:
    assert drifted([V] * 200, [moved] * 200)


def test_a_reference_whose_edges_stand_on_its_values_is_read_with_rounding_in_mind() -> None:
    old = PopulationStability.against(Histogram(edges=(V,), proportions=(0.0, 1.0)))

    assert old.measure(old.counts([V - 1e-7] * 200)) < 0.01
    assert old.measure(old.counts([0.2] * 200)) > 0.25


@pytest.mark.parametrize(("size", "known"), [(100, 500), (300, 500), (1000, 500), (100, 100_000)])
def test_one_window_in_a_hundred_passes_the_threshold_of_one_in_a_hundred(size: int, known: int) -> None:
    # References and windows of one distribution: what the threshold is for, without the threshold's own resampling.
    rng = np.random.default_rng(11)
    passed = 0
    for _ in range(100):
        psi = PopulationStability.against(histogram(rng.random(known)))
        limit = threshold(psi, size, FalseAlarms(100.0 * size, timed=False), seconds=30)
        places = np.searchsorted(psi.edges, rng.random((200, size)), side="right")
        passed += sum(psi.measure(np.bincount(row, minlength=10).tolist()) > limit for row in places)

    assert 0.002 < passed / 20_000 < 0.015


def test_windows_as_rare_as_one_in_thirty_days_are_judged_by_the_tail_drawn_out() -> None:
    psi = PopulationStability(TENTHS, (0.1,) * 10, known=500)
    limits = [threshold(psi, 300, FalseAlarms(30 * seconds, timed=True), seconds=30) for seconds in (20, 1_000, 86_400)]

    assert limits == sorted(limits)
    # (1/300 + 1/500) times what chi-squared with nine degrees passes once in 20, in 1,000 and in 86,400 windows.
    assert limits == pytest.approx([16.92 / 187.5, 27.88 / 187.5, 38.3 / 187.5], rel=0.25)


def test_thresholds_fall_as_windows_and_references_grow() -> None:
    small, large = (PopulationStability(TENTHS, (0.1,) * 10, known=known) for known in (200, 20_000))
    limits = [threshold(psi, size, DEFAULT, seconds=30) for psi in (small, large) for size in (100, 1000)]

    assert limits[0] > limits[1] > limits[3]
    assert limits[0] > limits[2] > limits[3]


def test_the_threshold_is_the_same_in_every_process_and_for_neighbouring_sizes() -> None:
    psi = PopulationStability(TENTHS, (0.1,) * 10, known=500)

    assert threshold(psi, 300, DEFAULT, seconds=30) == pytest.approx(0.16, abs=0.05)
    assert threshold(psi, 303, DEFAULT, seconds=30) == threshold(psi, 300, DEFAULT, seconds=30)


def test_a_shift_that_a_quarter_let_pass_is_drift_in_a_large_window() -> None:
    rng = random.Random(12)
    reference = [rng.random() for _ in range(2000)]
    live = [rng.random() ** 1.25 for _ in range(3000)]
    psi = PopulationStability.against(histogram(reference))

    assert psi.measure(psi.counts(live)) < 0.25
    assert drifted(reference, live)
