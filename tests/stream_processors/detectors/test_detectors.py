"""Detectors: when they detect a seeded change, how often they err on a seeded stationary stream, and their laws."""

import doctest
import importlib
import math
import random
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from river import drift as river_drift

from schemas.reference import Histogram
from stream_processors.detectors.adwin import Adwin
from stream_processors.detectors.page_hinkley import PageHinkley
from stream_processors.detectors.population_stability import PopulationStability
from stream_processors.detectors.saved_state import SavedAdwin

TENTHS = Histogram(edges=tuple(i / 10 for i in range(1, 10)), proportions=(0.1,) * 10)
PSI = PopulationStability.against(TENTHS)


def detections_of_page_hinkley(values: list[float], test: PageHinkley) -> list[int]:
    found = []
    for index, value in enumerate(values):
        test = test.with_value(value)
        if test.detected:
            found.append(index)
    return found


def coin(rng: random.Random, chance: float, n: int) -> list[float]:
    return [float(rng.random() < chance) for _ in range(n)]


@pytest.mark.parametrize("module", ["adwin", "page_hinkley", "population_stability"])
def test_the_example_in_the_docstring_is_true(module: str) -> None:
    results = doctest.testmod(importlib.import_module(f"stream_processors.detectors.{module}"))

    assert results.attempted > 2
    assert results.failed == 0


@pytest.mark.parametrize(("size", "alarms"), [(100, 4), (200, 0)])
def test_psi_raises_few_alarms_in_a_thousand_stationary_windows(size: int, alarms: int) -> None:
    rng = random.Random(1)

    values = [PSI.measure(PSI.counts(rng.random() for _ in range(size))) for _ in range(1000)]

    assert sum(value > 0.25 for value in values) == alarms
    assert sum(values) / 1000 == pytest.approx(9 / size, rel=0.1)


def test_psi_tells_a_shift_of_half_a_deviation_in_every_window_of_three_hundred() -> None:
    rng = random.Random(2)
    reference = sorted(rng.gauss(0, 1) for _ in range(1000))
    psi = PopulationStability(tuple(reference[100 * i] for i in range(1, 10)), (0.1,) * 10)

    shifted = [psi.measure(psi.counts(rng.gauss(0.7, 1) for _ in range(300))) for _ in range(100)]

    assert min(shifted) > 0.25


def test_psi_stays_finite_when_every_value_falls_where_none_was_expected() -> None:
    psi = PopulationStability(edges=(0.5,), expected=(1.0, 0.0))

    assert 0 < psi.measure([0, 1000]) < 20


@given(st.lists(st.integers(0, 1000), min_size=10, max_size=10))
def test_psi_is_never_negative_and_never_infinite(counts: list[int]) -> None:
    assert 0 <= PSI.measure(counts) < math.inf


@given(st.lists(st.floats(allow_nan=False), max_size=50))
def test_psi_bins_every_value_and_forgets_their_order(values: list[float]) -> None:
    assert sum(PSI.counts(values)) == len(values)
    assert PSI.counts(values) == PSI.counts(reversed(values))


def test_psi_refuses_counts_of_another_histogram() -> None:
    with pytest.raises(ValueError, match="10 bins"):
        PSI.measure([1, 2])


@given(st.lists(st.floats(-10, 10), max_size=300), st.floats(0.5, 20), st.booleans())
def test_page_hinkley_gives_rivers_verdicts(values: list[float], threshold: float, two_sided: bool) -> None:
    river = river_drift.PageHinkley(threshold=threshold, mode="both" if two_sided else "up")
    theirs = []
    for index, value in enumerate(values):
        river.update(value)
        if river.drift_detected:
            theirs.append(index)

    assert detections_of_page_hinkley(values, PageHinkley(threshold=threshold, two_sided=two_sided)) == theirs


def test_page_hinkley_detects_a_rise_of_the_error_from_five_to_forty_in_a_hundred() -> None:
    rng = random.Random(5)
    stream = coin(rng, 0.05, 1000) + coin(rng, 0.40, 500)

    assert detections_of_page_hinkley(stream, PageHinkley(threshold=20, two_sided=False))[0] == 1042


def test_page_hinkley_raises_no_alarm_on_ten_thousand_stationary_errors() -> None:
    stream = coin(random.Random(6), 0.05, 10_000)

    assert detections_of_page_hinkley(stream, PageHinkley(threshold=20, two_sided=False)) == []


def test_page_hinkley_one_sided_lets_an_improvement_pass() -> None:
    rng = random.Random(8)
    stream = coin(rng, 0.4, 500) + coin(rng, 0.05, 500)

    assert detections_of_page_hinkley(stream, PageHinkley(threshold=20, two_sided=False)) == []
    assert len(detections_of_page_hinkley(stream, PageHinkley(threshold=20))) == 1


@given(st.lists(st.floats(0, 1), max_size=80), st.integers(0, 80))
def test_page_hinkley_goes_on_from_its_written_state(values: list[float], cut: int) -> None:
    test = PageHinkley(threshold=5)
    for value in values[:cut]:
        test = test.with_value(value)
    # JSON has no infinity; MessagePack, which a changelog would carry, has.
    restored = msgspec.msgpack.decode(msgspec.msgpack.encode(test), type=PageHinkley)

    assert detections_of_page_hinkley(values[cut:], restored) == detections_of_page_hinkley(values[cut:], test)


def test_adwin_detects_a_shift_of_the_mean_and_forgets_what_was_before() -> None:
    rng = random.Random(3)
    adwin = Adwin(delta=0.002)

    found = [i for i in range(2000) if adwin.update(rng.gauss(0.58 if i < 1000 else 0.64, 0.13))]

    assert found[0] == 1343
    assert adwin.mean == pytest.approx(0.64, abs=0.02)
    assert adwin.width < 1100


def test_adwin_raises_no_alarm_on_ten_thousand_stationary_values() -> None:
    rng = random.Random(4)
    adwin = Adwin(delta=0.002)

    assert [i for i in range(10_000) if adwin.update(rng.gauss(0.58, 0.13))] == []


@given(st.lists(st.floats(0, 1), max_size=300), st.sampled_from([0.002, 0.05, 0.9]))
def test_adwin_is_that_of_rivers_package(values: list[float], delta: float) -> None:
    ours, theirs = Adwin(delta=delta), river_drift.ADWIN(delta=delta)
    for value in values:
        theirs.update(value)

        assert ours.update(value) == theirs.drift_detected
        assert (ours.width, ours.mean) == (theirs.width, theirs.estimation)


@given(st.lists(st.floats(0, 1), max_size=200), st.integers(0, 200), st.sampled_from([0.002, 0.05, 0.9]))
def test_adwin_goes_on_from_its_written_state(values: list[float], cut: int, delta: float) -> None:
    whole, part = Adwin(delta=delta), Adwin(delta=delta)
    for value in values[:cut]:
        whole.update(value)
        part.update(value)
    written = msgspec.msgpack.encode(part.saved())
    restored = Adwin.restored(msgspec.msgpack.decode(written, type=SavedAdwin), delta=delta)

    assert (restored.width, restored.mean) == (whole.width, whole.mean)
    for value in values[cut:]:
        assert restored.update(value) == whole.update(value)
    assert restored.saved() == whole.saved()


def test_adwin_goes_on_right_after_a_cut() -> None:
    rng = random.Random(12345)
    adwin = Adwin(delta=0.002)
    while not adwin.update(rng.gauss(0.4 + 0.1 * (adwin.width > 500), 0.1)):
        pass

    restored = Adwin.restored(adwin.saved(), delta=0.002)

    values = [rng.gauss(0.5, 0.1) for _ in range(1000)]
    assert [restored.update(v) for v in values] == [adwin.update(v) for v in values]
    assert (restored.width, restored.mean) == (adwin.width, adwin.mean)


def test_the_state_of_adwin_grows_by_the_logarithm_of_its_window() -> None:
    rng = random.Random(9)
    adwin = Adwin(delta=0.002)
    sizes = {}
    for count in range(1, 100_001):
        adwin.update(rng.random())
        if count in (100, 1_000, 10_000, 100_000):
            sizes[count] = len(adwin.saved().window)

    assert adwin.width > 90_000
    assert max(after - before for before, after in pairwise(sizes.values())) <= 512
    assert sizes[100_000] < 2_500
