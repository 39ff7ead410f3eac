"""Figures against hand-computed values, intervals against scikit-learn and against simulated truth."""

from collections.abc import Iterable, Sequence
from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.metrics import brier_score_loss, f1_score, roc_auc_score, roc_curve

from schemas.evaluations import Estimate
from services.scorers.evaluation.bootstrap import draws, estimates_of, resampled, weighted_figures
from services.scorers.evaluation.metrics import BINS, FIGURES, Sample, calibration_error, figures_of, recall_at


def sample(bad: Sequence[int], risk: Sequence[float], threshold: float = 0.5) -> Sample:
    scores = np.array(risk, np.float64)
    return Sample(np.array(bad, np.bool_), scores, scores >= threshold, scores)


def drawn(size: int, distance: float, seed: int) -> Sample:
    """Return as many good as bad examples, their scores normal and `distance` apart."""
    rng = np.random.default_rng(seed)
    bad = np.arange(2 * size) >= size
    risk = rng.normal(size=2 * size) + distance * bad
    return Sample(bad, risk, risk > distance / 2, 1 / (1 + np.exp(distance * distance / 2 - distance * risk)))


def test_figures_by_hand() -> None:
    found = figures_of(sample([0, 0, 0, 1, 1], [0.1, 0.4, 0.8, 0.6, 0.9]))

    assert found["auc"] == pytest.approx(5 / 6)
    assert found["precision"] == pytest.approx(2 / 3)
    assert found["recall"] == 1
    assert found["false_alarms"] == pytest.approx(1 / 3)
    assert found["f1"] == pytest.approx(0.8)
    assert found["brier"] == pytest.approx((0.01 + 0.16 + 0.64 + 0.16 + 0.01) / 5)


def test_calibration_error_by_hand() -> None:
    # Two bins: three examples near .1 of which one is bad, two at .9 of which both are.
    bad = np.array([1, 0, 0, 1, 1], np.bool_)
    probability = np.array([0.1, 0.11, 0.12, 0.9, 0.9])

    expected = 3 / 5 * abs(0.11 - 1 / 3) + 2 / 5 * abs(0.9 - 1)

    assert calibration_error(bad, probability) == pytest.approx(expected)


def test_a_probability_of_one_falls_into_the_last_bin() -> None:
    assert calibration_error(np.array([True]), np.array([1.0])) == 0
    assert calibration_error(np.array([False]), np.array([1.0])) == 1


def test_recall_at_a_rate_of_false_alarms_by_hand() -> None:
    good, bad = [i / 1000 for i in range(100)], [0.0985, 0.0995, 0.5, 0.01]
    scores = sample([0] * 100 + [1] * 4, good + bad)

    assert recall_at(scores, 0.01) == 0.75, "the second best good example may be flagged, not the third"
    assert recall_at(scores, 0.0) == 0.5


def test_a_tie_between_good_and_bad_is_an_alarm_for_both() -> None:
    scores = sample([0] * 100 + [1, 1], [0.1] * 98 + [0.7, 0.7] + [0.7, 0.9])

    assert recall_at(scores, 0.01) == 0.5


@pytest.mark.parametrize(("good", "told"), [(99, ()), (100, ("recall_at_1_percent",)), (1000, (*FIGURES[5:7],))])
def test_a_rate_that_the_good_examples_cannot_show_is_not_told(good: int, told: tuple[str, ...]) -> None:
    found = figures_of(sample([0] * good + [1], [0.1] * good + [0.9]))
    assert tuple(name for name in found if name.startswith("recall_at")) == told


def test_harmless_talk_alone_has_false_alarms_and_nothing_else() -> None:
    assert figures_of(sample([0] * 4, [0.1, 0.2, 0.6, 0.3])) == {"false_alarms": 0.25}


def test_bad_examples_alone_have_a_recall_and_nothing_else() -> None:
    assert figures_of(sample([1] * 4, [0.1, 0.2, 0.6, 0.3])) == {"recall": 0.25}


def test_without_an_example_nothing_is_told() -> None:
    assert figures_of(sample([], [])) == {}
    assert estimates_of(sample([], [])) == {}


def test_a_measure_without_labels_has_no_figures_of_a_threshold() -> None:
    plain = Sample(np.array([True, False]), np.array([3.0, 1.0]))
    assert figures_of(plain) == {"auc": 1.0}
    assert estimates_of(plain, resamples=10) == {"auc": Estimate(value=1.0, low=1.0, high=1.0)}


def test_arrays_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match="1 labels, 2 scores"):
        Sample(np.array([True]), np.array([0.1, 0.2]))


def test_a_resample_has_as_many_good_and_bad_examples_as_the_sample() -> None:
    bad = np.array([0, 1, 1, 0, 0, 1, 1, 1, 1], np.bool_)
    (weights,) = draws(bad, resamples=50, seed=1)

    assert (weights[:, bad].sum(axis=1) == 6).all()
    assert (weights[:, ~bad].sum(axis=1) == 3).all()
    assert len(np.unique(weights, axis=0)) > 30


def test_resamples_in_pieces_are_as_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.scorers.evaluation.bootstrap.CELLS", 100)
    pieces = list(draws(np.arange(30) % 2 == 0, resamples=10, seed=1))
    assert [len(piece) for piece in pieces] == [3, 3, 3, 1]


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 12)), min_size=2, max_size=60).filter(
        lambda rows: len({bad for bad, _ in rows}) == 2
    ),
    st.integers(0, 2**31),
)
def test_weighted_figures_are_those_of_scikit_learn(rows: list[tuple[bool, int]], seed: int) -> None:
    bad, risk = np.array([bad for bad, _ in rows]), np.array([score for _, score in rows]) / 12
    scores = Sample(bad, risk, risk >= 0.5, risk)
    (weights,) = draws(bad, resamples=3, seed=seed)

    found = weighted_figures(scores, weights)

    for row, drawn_weights in enumerate(weights):
        assert found["auc"][row] == pytest.approx(roc_auc_score(bad, risk, sample_weight=drawn_weights))
        f1 = f1_score(bad, scores.flagged, sample_weight=drawn_weights, zero_division=0.0)
        assert found["f1"][row] == pytest.approx(f1)
        assert found["brier"][row] == pytest.approx(brier_score_loss(bad, risk, sample_weight=drawn_weights))
        alarms, recalls, _ = roc_curve(bad, risk, sample_weight=drawn_weights, drop_intermediate=False)
        assert found["recall_at_1_percent"][row] == pytest.approx(recalls[alarms <= 0.01].max())
        repeated = np.repeat(np.arange(len(bad)), drawn_weights.astype(int))
        assert found["calibration_error"][row] == pytest.approx(calibration_error(bad[repeated], risk[repeated]))


def test_the_figures_of_unweighted_examples_are_those_of_the_sample() -> None:
    scores = drawn(1500, 1.5, seed=3)
    found, plain = weighted_figures(scores, np.ones((1, 3000))), figures_of(scores)
    for name in found:
        assert found[name][0] == pytest.approx(plain[name])


def test_the_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    scores = drawn(80, 1.0, seed=2)
    assert estimates_of(scores, seed=4) == estimates_of(scores, seed=4)
    assert estimates_of(scores, seed=4)["auc"] != estimates_of(scores, seed=5)["auc"]


def test_figures_lie_in_their_intervals() -> None:
    for seed in range(20):
        for estimate in estimates_of(drawn(12, 1.0, seed=seed), resamples=50).values():
            assert estimate.low <= estimate.value <= estimate.high


def test_no_false_alarm_of_many_still_has_room_for_some() -> None:
    everyday = sample([0] * 5000, [0.1] * 5000)
    estimate = estimates_of(everyday)["false_alarms"]
    assert estimate.value == estimate.low == 0
    assert 0.0005 < estimate.high < 0.001


def coverage(name: str, truth: float, samples: Iterable[Sample]) -> float:
    """Return the share of samples whose interval of a figure holds the truth."""
    found = [np.percentile(resampled(one, resamples=300, seed=1)[name], (2.5, 97.5)) for one in samples]
    return float(np.mean([low <= truth <= high for low, high in found]))


# DeLong's intervals (1988) hold the true AUC of the same samples in 93 to 95 of 100.
def test_the_interval_of_the_auc_holds_the_true_one_in_95_of_100_samples() -> None:
    distance = 1.2
    samples = (drawn(100, distance, 20_000 + seed) for seed in range(400))
    assert 0.92 <= coverage("auc", norm.cdf(distance / sqrt(2)), samples) <= 0.975


def test_the_interval_of_the_recall_at_one_percent_holds_the_true_one_in_95_of_100_samples() -> None:
    distance = 2.5
    truth = 1 - norm.cdf(norm.ppf(0.99) - distance)
    samples = (drawn(400, distance, 20_000 + seed) for seed in range(200))
    assert 0.90 <= coverage("recall_at_1_percent", truth, samples) <= 0.99


def test_bins_are_as_many_as_said() -> None:
    edges = np.arange(BINS + 1) / BINS
    assert calibration_error(np.ones(BINS + 1, np.bool_), edges) == pytest.approx(np.mean(1 - edges))
