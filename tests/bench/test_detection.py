"""A seeded part of the bench of detectors: its detectors are the product's, and a bar can be missed."""

import numpy as np
import pytest

from schemas.proportions import proportion_bounds
from stream_processors.detectors.e_detector import EDetector
from stream_processors.detectors.page_hinkley import PageHinkley
from tests.bench.detection import delays, false_alarms
from tests.bench.detection_detectors import known, learnt, page_hinkley
from tests.bench.detection_streams import STREAMS

DICE = np.random.default_rng(3)


@pytest.mark.parametrize("two_sided", [False, True])
@pytest.mark.parametrize("kind", ["errors 10 %", "errors 10 % in batches of 20", "scores, ties"])
def test_many_streams_at_once_are_detected_as_one_by_the_product(kind: str, two_sided: bool) -> None:
    stream = STREAMS[kind]
    values = stream.draw(800, 3, DICE)
    values[400:] = np.minimum(1.0, values[400:] * 2)
    found = known(1000, two_sided=two_sided)(values, stream)

    assert found.any()
    for place in range(3):
        detector = EDetector(limit=1000, low=stream.mean, high=stream.mean, two_sided=two_sided)
        for at in range(800):
            detector = detector.with_mean(float(values[at, place]), count=stream.batch)
            assert detector.detected == found[at, place]


def test_a_learnt_baseline_is_the_products_bound() -> None:
    stream = STREAMS["errors 10 %"]
    values = stream.draw(2000, 1, DICE)
    values[1000:] = stream.draw(1000, 1, DICE) + stream.draw(1000, 1, DICE) > 0
    found = learnt(1000)(values, stream)[:, 0]
    bound = proportion_bounds(values[:500].sum(), 500, miss=0.05)[1]
    detector = EDetector(limit=1000, low=bound, high=bound)

    assert found.any()
    for at in range(500, 2000):
        detector = detector.with_mean(float(values[at, 0]))
        assert detector.detected == found[at]


def test_page_hinkley_over_many_streams_is_the_products() -> None:
    values = STREAMS["errors 30 %"].draw(1500, 2, DICE)
    values[500:] = 1.0
    found = page_hinkley(values, STREAMS["errors 30 %"])

    assert found.any()
    for place in range(2):
        test = PageHinkley(threshold=50.0, two_sided=False)
        for at in range(1500):
            test = test.with_value(float(values[at, place]))
            assert test.detected == found[at, place]


def test_the_bars_hold_on_a_small_run_and_are_missed_where_the_baseline_is_wrong() -> None:
    limit = 100_000.0
    for name, detector, bar in (("known", known(limit), 300), ("learnt", learnt(limit), 450)):
        assert delays(name, 0.1, 0.2, detector, limit=limit, seed=4).median <= bar
    fair = false_alarms("known", "errors 10 %", known(100), events=100_000, seed=4)
    wrong = false_alarms("known", "errors 10 %, autocorrelation 0.3", known(100), events=100_000, seed=4)

    assert fair.upper <= 1000
    assert wrong.per_100000 > 1000
