"""Drift: windows over scores, what is measured at their close, and when they close."""

import math
import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import to_unix_ms
from schemas.configuration import Drift
from schemas.metrics import METRIC_BY_NAME, drift_metric
from schemas.observations import DriftMeasured, RecordedScore
from schemas.record import Record, Variant
from stream_processors.detectors.drift import measure_drift
from stream_processors.detectors.watched_streams import Lanes
from stream_processors.frame.delivery import Delivery, Source
from tests.stream_processors.observed import NOON, log_of, score, uniform_reference, window

SCORES = Source("scores.recorded.v2", 0)


def lanes_with(**drift: Any) -> Lanes:
    configured = Drift(**{"min_count": 100, **drift})
    return Lanes(
        configured,
        length=timedelta(seconds=30),
        lateness=timedelta(seconds=2),
        references=lambda app, version: uniform_reference() if version else None,
    )


def measured(lanes: Lanes, log: Sequence[Delivery]) -> list[DriftMeasured]:
    records = [r for d in log for r in measure_drift([d], lanes)]
    assert all(isinstance(record, DriftMeasured) for record in records)
    return [record for record in records if isinstance(record, DriftMeasured)]


def uniform_then_high(n: int, *, shift_at: int, name: str = "prompt.distance", seed: int = 1) -> list[Record]:
    rng = random.Random(seed)
    return [score(i, rng.random() if i < shift_at else 0.5 + rng.random() / 2, name=name) for i in range(n)]


def psi_of(found: Sequence[DriftMeasured]) -> list[DriftMeasured]:
    return [m for m in found if m.method == "PopulationStability"]


def test_a_shifted_distribution_is_drift_and_an_unshifted_one_is_not() -> None:
    found = psi_of(measured(lanes_with(), log_of(uniform_then_high(1300, shift_at=600))))

    assert [m.drifted for m in found] == [False, False, True, True]
    assert [m.count for m in found] == [300] * 4
    assert [m.window_start for m in found] == [NOON + timedelta(seconds=30 * i) for i in range(4)]
    assert {m.reference for m in found} == {"prompt-guard-v1"}


def test_adwin_and_page_hinkley_tell_a_shift_at_once_and_at_the_close() -> None:
    found = measured(lanes_with(page_hinkley=10.0), log_of(uniform_then_high(1300, shift_at=600)))

    for method in ("Adwin", "PageHinkley"):
        told = [m for m in found if m.method == method]
        detections = [m for m in told if m.window_end - m.window_start < timedelta(seconds=30)]
        closed = [m for m in told if m not in detections]
        assert [m.drifted for m in closed] == [False, False, True, closed[3].drifted]
        assert detections[0].drifted
        assert NOON + timedelta(seconds=60) < detections[0].occurred_at < NOON + timedelta(seconds=90)
        assert 600 < detections[0].detected_at_count < 800


def test_injection_and_harm_have_psi_only() -> None:
    for name in ("prompt.injection", "prompt.harm"):
        found = measured(lanes_with(), log_of(uniform_then_high(700, shift_at=600, name=name)))

        assert {m.method for m in found} == {"PopulationStability"}


def rising_error() -> list[Delivery]:
    """Return windows of twenty judged answers, 480 of them with one error in twenty and then with eight."""
    windows = [window(i, judged=20, correct=19 if i < 24 else 12) for i in range(60)]
    return log_of(windows, topic="metrics.window-closed.v1")


def test_a_rising_error_of_judged_answers_is_told_by_page_hinkley_where_it_is_chosen() -> None:
    found = measured(lanes_with(detector="page-hinkley", page_hinkley=20.0), rising_error())

    assert {(m.metric, m.method) for m in found} == {("feedback", "PageHinkley")}
    assert [m.drifted for m in found if m.occurred_at <= NOON + timedelta(seconds=120)] == [False] * 4
    first = next(m for m in found if m.drifted)
    assert 480 < first.detected_at_count < 600


def test_a_rising_error_of_judged_answers_is_told_by_the_e_detector() -> None:
    found = measured(lanes_with(warm_up=200), rising_error())

    assert {(m.metric, m.method, m.threshold) for m in found} == {("feedback", "EDetector", 5.0)}
    assert [m.reference for m in found if m.window_end <= NOON + timedelta(seconds=60)] == ["learning", "learnt"]
    assert [m.drifted for m in found if m.occurred_at <= NOON + timedelta(seconds=120)] == [False] * 4
    first = next(m for m in found if m.drifted)
    assert (first.count, first.window_end - first.window_start) == (40, timedelta(seconds=5))
    assert 480 < first.detected_at_count <= 540
    closed = next(m for m in found if m.window_start == first.window_start and m.window_end > first.window_end)
    assert closed.drifted


def test_an_error_that_is_known_needs_no_warm_up() -> None:
    found = measured(lanes_with(error=0.05, false_alarms="1 per 7d"), rising_error()[24:])

    assert found[0].drifted
    assert {m.reference for m in found} == {"given"}
    assert {m.threshold for m in found} == {math.log10(7 * 86_400)}


def test_without_a_threshold_of_its_own_a_window_is_judged_by_the_references_resampling() -> None:
    found = psi_of(measured(lanes_with(), log_of(uniform_then_high(1300, shift_at=600))))
    given = psi_of(measured(lanes_with(psi=0.25), log_of(uniform_then_high(1300, shift_at=600))))

    assert len({m.threshold for m in found}) == 1
    assert found[0].threshold == pytest.approx(0.19, abs=0.03)
    assert {m.threshold for m in given} == {0.25}
    assert [m.value for m in found] == [m.value for m in given]


def test_what_is_told_maps_to_the_catalogue_of_metrics() -> None:
    log = log_of(uniform_then_high(700, shift_at=300)) + log_of(
        [window(i, judged=20, correct=10) for i in range(20)], topic="metrics.window-closed.v1"
    )

    assert {drift_metric(m.metric, m.method) for m in measured(lanes_with(), log)} <= set(METRIC_BY_NAME)


def test_a_window_with_few_scores_gives_no_comparison() -> None:
    assert psi_of(measured(lanes_with(min_count=301), log_of(uniform_then_high(700, shift_at=0)))) == []


def test_a_version_without_reference_gives_no_comparison() -> None:
    records = [score(i, 0.5, adapter_version="") for i in range(700)]

    assert {m.method for m in measured(lanes_with(), log_of(records))} == {"Adwin", "PageHinkley"}


def test_shadow_answers_and_other_scores_are_not_watched() -> None:
    shadow = [score(i, 0.5, variant=Variant.SHADOW) for i in range(700)]
    other = [score(i, 0.5, name="response.harm") for i in range(700)]
    unjudged = [window(i, judged=0, correct=0) for i in range(100)]

    assert (
        measured(lanes_with(), [*log_of(shadow), *log_of(other), *log_of(unjudged, topic="metrics.window-closed.v1")])
        == []
    )


def test_series_are_measured_apart() -> None:
    rng = random.Random(3)
    records = [
        score(2 * i + (v == 2), rng.random() / v, every_s=0.05, adapter_version=f"prompt-guard-v{v}")
        for i in range(700)
        for v in (1, 2)
    ]

    found = psi_of(measured(lanes_with(), log_of(records)))

    assert {(m.adapter_version, m.drifted) for m in found} == {("prompt-guard-v1", False), ("prompt-guard-v2", True)}


def test_scores_delivered_twice_count_once() -> None:
    records = uniform_then_high(700, shift_at=600)
    twice = [record for record in records for _ in range(2)]

    once = psi_of(measured(lanes_with(), log_of(records)))

    assert psi_of(measured(lanes_with(), log_of(twice))) == once


def test_windows_told_again_by_a_replay_count_once() -> None:
    lanes = lanes_with()
    windows = [window(i, judged=20, correct=10) for i in range(6)]
    log = log_of([*windows, *windows[3:], *(window(i, judged=20, correct=10) for i in range(6, 20))], topic="m")

    counts = [m.count for m in measured(lanes, log) if m.window_end - m.window_start == timedelta(seconds=30)]

    assert counts[:2] == [120, 120]


def test_a_late_score_is_left_out_and_counted() -> None:
    lanes = lanes_with()
    log = log_of([*(score(i, 0.5) for i in range(400)), score(1, 0.9, event_id="late")])

    measured(lanes, log)

    assert lanes.late == 1


def test_a_score_from_the_future_closes_no_window_before_its_time() -> None:
    future = score(3, 0.5, event_id="ahead", occurred_at=NOON + timedelta(minutes=9))
    records = [score(0, 0.5), score(1, 0.5), future, *(score(i, 0.5) for i in range(2, 320))]
    log = [Delivery(SCORES, i, NOON + timedelta(seconds=i / 10), r) for i, r in enumerate(records)]
    lanes = lanes_with()

    assert measured(lanes, log) == []
    assert lanes.late == 0


def test_an_idle_window_is_closed_by_the_wall_clock_only_after_a_pause() -> None:
    lanes = lanes_with()
    log = log_of(uniform_then_high(290, shift_at=0))
    measured(lanes, log)

    assert list(lanes.close_idle(seen_idle(log[-1].logged_at + timedelta(seconds=4)))) == []
    assert len(psi_of(list(lanes.close_idle(seen_idle(NOON + timedelta(seconds=40)))))) == 1
    assert list(lanes.close_idle(seen_idle(NOON + timedelta(seconds=60)))) == []


def test_a_window_is_not_closed_by_the_wall_clock_while_messages_wait() -> None:
    lanes = lanes_with()
    measured(lanes, log_of(uniform_then_high(290, shift_at=0)))

    assert list(lanes.close_idle(lambda source: None)) == []


def test_the_floor_is_the_first_message_of_the_oldest_open_window() -> None:
    lanes = lanes_with()

    measured(lanes, log_of([score(i, 0.5) for i in range(3000)]))

    assert lanes.floor(SCORES) == 3000 - 300
    assert lanes.floor(Source("scores.recorded.v2", 1)) is None


def test_what_was_not_judged_is_no_observation() -> None:
    log = [score(i, None if i % 2 else 0.5) for i in range(700)]
    assert {m.count for m in measured(lanes_with(), log_of(log)) if m.method == "PopulationStability"} == {150}


def test_the_scores_of_a_call_are_observed_together_from_one_message() -> None:
    names = ("prompt.distance", "prompt.harm", "prompt.injection", "response.harm")
    log = [
        msgspec.structs.replace(
            score(i, 0.5), scores=tuple(RecordedScore(name=name, value=0.5, scorer="test@1") for name in names)
        )
        for i in range(700)
    ]
    lanes = lanes_with()
    told = {(m.metric, m.count) for m in measured(lanes, log_of(log)) if m.method == "PopulationStability"}
    assert told == {(name, 300) for name in names[:3]}
    assert lanes.floor(SCORES) == 600


def test_a_metric_that_fell_silent_does_not_hold_the_floor() -> None:
    lanes = lanes_with()
    early = [score(i, 0.5, name="prompt.harm") for i in range(700)]
    late = [score(i, 0.5) for i in range(700, 6000)]
    log = log_of([*early, *late])
    measured(lanes, log)

    list(lanes.close_idle(seen_idle(log[-1].logged_at + timedelta(seconds=30))))

    assert lanes.floor(SCORES) is None


@given(seed=st.integers(0, 999))
def test_when_the_clock_is_looked_at_makes_no_difference_to_what_is_measured(seed: int) -> None:
    rng = random.Random(seed)
    log = held_up(uniform_then_high(400, shift_at=200, seed=seed), outages=((8, 15), (22, 40)))
    undisturbed, watched = lanes_with(page_hinkley=5.0, min_count=5), lanes_with(page_hinkley=5.0, min_count=5)
    expected = measured(undisturbed, log)

    found: list[Record] = []
    for delivery, following in pairwise(log):
        found += measured(watched, [delivery])
        pause = following.logged_at - delivery.logged_at
        for share in sorted(rng.random() for _ in range(2)):
            found += watched.close_idle(seen_idle(delivery.logged_at + share * pause))
    found += measured(watched, log[-1:])

    assert {record.event_id: record for record in found} == {record.event_id: record for record in expected}
    assert watched.late == undisturbed.late > 0


def held_up(records: Sequence[Record], *, outages: Sequence[tuple[float, float]]) -> list[Delivery]:
    """Return records of one partition whose producer was away for some spans of seconds and told all afterwards."""
    logged = []
    for record in records:
        at = (record.occurred_at - NOON).total_seconds()
        logged.append(next((until for since, until in outages if since <= at < until), at))
    return [
        Delivery(SCORES, i, NOON + timedelta(seconds=at), r)
        for i, (at, r) in enumerate(zip(logged, records, strict=True))
    ]


def seen_idle(at: datetime) -> Callable[[Source], int | None]:
    """Return a frame's `caught_up_at` by which every partition held nothing more at an instant."""
    return lambda source: to_unix_ms(at)


def test_unknown_metrics_are_no_observations() -> None:
    assert measure_drift(log_of([score(1, 0.1, name="prompt.pii")]), lanes_with()) == []


@pytest.mark.parametrize("value", [0.0, 1.0, 2.0, -5.0])
def test_values_outside_the_reference_fall_into_its_end_bins(value: float) -> None:
    found = psi_of(measured(lanes_with(), log_of([score(i, value) for i in range(400)])))

    assert found[0].drifted
