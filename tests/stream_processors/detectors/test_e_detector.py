"""The e-detector: what it promises, when it detects a seeded change, and how it learns its baseline."""

import doctest
import importlib
import math
import random
from itertools import product

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from schemas.configuration import Drift
from schemas.proportions import mean_bounds, proportion_bounds
from stream_processors.detectors.e_detector import STAKES, EDetector
from stream_processors.detectors.mean_watch import MeanRule, MeanWatch

KNOWN = EDetector(limit=100_000, low=0.1, high=0.1)
BOTH = EDetector(limit=100_000, low=0.1, high=0.1, two_sided=True)
LEARNING = MeanRule(limit=100_000)


def coin(rng: random.Random, chance: float, n: int) -> list[float]:
    return [float(rng.random() < chance) for _ in range(n)]


def detections(values: list[float], detector: EDetector) -> list[int]:
    found = []
    for index, value in enumerate(values):
        detector = detector.with_mean(value)
        if detector.detected:
            found.append(index)
    return found


def evidence_after(values: list[float], detector: EDetector) -> float:
    for value in values:
        detector = detector.with_mean(value)
    return math.fsum(detector.evidence)


@pytest.mark.parametrize("module", ["stream_processors.detectors.e_detector", "schemas.proportions"])
def test_the_example_in_the_docstring_is_true(module: str) -> None:
    results = doctest.testmod(importlib.import_module(module))

    assert results.attempted > 0
    assert results.failed == 0


@pytest.mark.parametrize("detector", [KNOWN, BOTH])
@pytest.mark.parametrize("chance", [0.1, 0.03])
def test_the_evidence_expected_of_a_stream_grows_no_faster_than_its_exposure(
    detector: EDetector, chance: float
) -> None:
    # What the promise rests on, exactly: the mean over every stream of ten, weighted by its chance.
    held = msgspec.structs.replace(detector, limit=1e12, low=chance)
    expected = sum(
        math.prod(chance if value else 1 - chance for value in values) * evidence_after(list(values), held)
        for values in product((0.0, 1.0), repeat=10)
    )

    assert expected <= 10 + 1e-9
    assert (expected == pytest.approx(10)) == (chance == held.high)


def test_answers_told_by_their_share_keep_the_promise_whatever_their_order_was() -> None:
    expected = 0.0
    for ones in range(21):
        chance = stats.binom.pmf(ones, 20, 0.1)
        expected += chance * math.fsum(KNOWN.with_mean(ones / 20, count=20).evidence)

    assert expected == pytest.approx(20)


def test_scores_told_by_their_mean_count_for_no_more_than_one_by_one() -> None:
    rng = random.Random(3)
    values = [rng.betavariate(2, 8) for _ in range(40)]
    one_by_one, together = [0.0] * len(STAKES), KNOWN.with_mean(sum(values) / 40, count=40, exposure=len(STAKES))
    for place, stake in enumerate(STAKES):
        one_by_one[place] = math.prod(1 - stake + stake * value / 0.1 for value in values)

    assert all(once <= each for once, each in zip(together.evidence, one_by_one, strict=True))


def test_false_alarms_stay_within_the_limit_on_streams_without_change() -> None:
    # 200,000 answers at a limit of 1,000: 200 would be within the promise.
    stream = coin(random.Random(4), 0.1, 200_000)

    assert 0 < len(detections(stream, msgspec.structs.replace(KNOWN, limit=1000))) <= 200


def test_a_known_baseline_tells_ten_errors_in_a_hundred_from_twenty_within_three_hundred() -> None:
    delays = []
    for seed in range(30):
        rng = random.Random(seed)
        stream = coin(rng, 0.1, 1000) + coin(rng, 0.2, 2000)
        delays.append(next(index for index in detections(stream, KNOWN) if index >= 1000) - 999)

    assert sorted(delays)[15] <= 300


def test_a_fall_is_told_two_sided_only() -> None:
    rng = random.Random(5)
    stream = coin(rng, 0.1, 500) + coin(rng, 0.01, 600)

    assert detections(stream, KNOWN) == []
    assert 500 < detections(stream, BOTH)[0] < 900


def test_a_great_burst_known_by_its_share_is_a_finite_statistic() -> None:
    flooded = KNOWN.with_mean(1.0, count=10_000_000)

    assert flooded.detected
    assert 5 < flooded.statistic < 400
    assert flooded.with_mean(0.0).statistic == 0.0


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan])
def test_a_value_out_of_bounds_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="within 0 and 1"):
        KNOWN.with_mean(value)


def test_a_baseline_out_of_bounds_is_refused() -> None:
    with pytest.raises(ValueError, match="baseline"):
        EDetector(limit=1000, low=0.0, high=0.1)


@given(st.integers(0, 2000), st.integers(1, 2000), st.sampled_from([0.01, 0.05, 0.1, 0.4]))
def test_bounds_of_a_proportion_are_those_of_clopper_and_pearson(ones: int, count: int, miss: float) -> None:
    ones = min(ones, count)
    low, high = proportion_bounds(ones, count, miss=miss)

    assert low == pytest.approx(stats.beta.ppf(miss, ones, count - ones + 1) if ones else 0, abs=1e-8)
    assert high == pytest.approx(stats.beta.ppf(1 - miss, ones + 1, count - ones) if ones < count else 1, abs=1e-8)


@pytest.mark.parametrize("mean", [0.0, 0.02, 0.4, 1.0])
def test_bounds_of_any_mean_lie_outside_those_of_a_proportion(mean: float) -> None:
    low, high = mean_bounds(mean * 500, 500, miss=0.05)
    nearer, near = proportion_bounds(mean * 500, 500, miss=0.05)

    assert low <= nearer <= mean + 1e-9
    assert mean - 1e-9 <= near <= high


def test_bounds_of_a_mean_miss_no_more_often_than_they_may() -> None:
    rng = np.random.default_rng(6)
    totals = rng.beta(0.2, 0.8, (2000, 50)).sum(axis=1)
    missed = [mean_bounds(float(total), 50, miss=0.1)[1] < 0.2 for total in totals]

    assert sum(missed) / 2000 <= 0.1


def test_a_learnt_baseline_tells_twenty_from_ten_within_four_hundred_and_fifty() -> None:
    delays = []
    for seed in range(20):
        rng = random.Random(seed)
        watch, found = MeanWatch(rule=LEARNING), []
        for index, value in enumerate(coin(rng, 0.1, 1000) + coin(rng, 0.2, 3000)):
            watch = watch.with_mean(value, count=1, at_ms=index)
            found += [index] if watch.detected and index >= 1000 else []
        delays.append(found[0] - 999)

    assert sorted(delays)[10] <= 450


def test_the_baseline_is_the_bound_of_what_was_learnt_and_stays() -> None:
    watch = MeanWatch(rule=LEARNING)
    for index in range(5):
        assert (watch.baseline, watch.detected, watch.statistic) == ("learning", False, 0.0)
        watch = watch.with_mean(0.1, count=100, at_ms=index)
    learnt = watch.detector
    assert learnt is not None
    assert learnt.high == pytest.approx(proportion_bounds(50, 500, miss=0.05)[1])

    for index in range(5, 9):
        watch = watch.with_mean(0.2, count=100, at_ms=index)

    assert watch.baseline == "learnt"
    assert watch.detector is not None
    assert (watch.detector.low, watch.detector.high) == (learnt.low, learnt.high)


def test_two_sided_each_side_may_miss_half_as_often() -> None:
    watch = MeanWatch(rule=msgspec.structs.replace(LEARNING, two_sided=True))

    learnt = watch.with_mean(0.1, count=500, at_ms=0).detector

    assert learnt is not None
    assert (learnt.low, learnt.high) == pytest.approx(proportion_bounds(50, 500, miss=0.025))


def test_a_given_baseline_is_watched_from_the_first_answer_on() -> None:
    rule = MeanRule.of_errors(Drift(error=0.1))

    watch = MeanWatch(rule=rule).with_mean(1.0, count=20, at_ms=0)

    assert watch.baseline == "given"
    assert watch.detected


def test_false_alarms_by_time_count_time_with_traffic() -> None:
    rule = MeanRule.of_errors(Drift(error=0.1, false_alarms="1 per 30d"))
    assert rule.limit == 30 * 86_400

    watch = MeanWatch(rule=rule).with_mean(0.1, count=1, at_ms=0)
    assert watch.detector is not None
    assert math.fsum(watch.detector.evidence) == 0
    for at_ms, exposed in ((2_000, 2.0), (1_000, 2.0), (86_400_000, 32.0)):
        watch = watch.with_mean(0.1, count=1, at_ms=at_ms)
        assert watch.detector is not None
        assert math.fsum(watch.detector.evidence) == pytest.approx(exposed)


@given(st.lists(st.floats(0, 1), max_size=60), st.integers(0, 60), st.booleans())
def test_it_goes_on_from_its_written_state(values: list[float], cut: int, two_sided: bool) -> None:
    watch = MeanWatch(rule=msgspec.structs.replace(LEARNING, limit=100, warm_up=10, two_sided=two_sided))
    for index, value in enumerate(values[:cut]):
        watch = watch.with_mean(value, count=1 + index % 3, at_ms=index)
    restored = msgspec.msgpack.decode(msgspec.msgpack.encode(watch), type=MeanWatch)

    for index, value in enumerate(values[cut:]):
        watch, restored = (one.with_mean(value, count=2, at_ms=index) for one in (watch, restored))
    assert restored == watch
