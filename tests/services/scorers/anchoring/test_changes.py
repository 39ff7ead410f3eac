"""What a scorer's new version changes on fixed texts, against scipy and by hand."""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from schemas.codec import decode, encode
from services.scorers.anchoring.anchors import Anchors, anchors
from services.scorers.anchoring.changes import anchored, kolmogorov_smirnov, population_stability, scorer_changed
from services.scorers.contract import Subject
from services.scorers.histograms import histogram
from stream_processors.detectors.population_stability import PopulationStability
from tests.services.scorers.anchoring.versions import ShiftedScorer

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
LATER = datetime(2026, 2, 1, 12, tzinfo=UTC)
FIVE = Anchors.of([Subject(prompt="x" * length) for length in (0, 10, 20, 30, 40)])


def test_the_packaged_anchors_are_some_two_hundred_distinct_texts_of_all_kinds() -> None:
    packaged = anchors()

    assert 190 <= len(packaged.subjects) <= 250
    assert len(set(packaged.subjects)) == len(packaged.subjects)
    assert {"everyday", "short", "language", "code", "injection", "harm", "answer"} <= set(packaged.kinds)


def test_other_texts_are_another_version_and_the_same_are_the_same() -> None:
    again = Anchors.of(FIVE.subjects)
    moved = Anchors.of([*FIVE.subjects[1:], FIVE.subjects[0]])
    answered = Anchors.of([Subject(prompt="", answer=FIVE.subjects[1].prompt), *FIVE.subjects[1:]])

    assert again.version == FIVE.version
    assert len({FIVE.version, moved.version, answered.version}) == 3


def test_a_shift_by_hand() -> None:
    before = anchored(ShiftedScorer("1"), FIVE, AT)
    after = anchored(ShiftedScorer("2", shift=0.15), FIVE, LATER)

    changed = scorer_changed(before, after)

    (shift,) = changed.measures
    assert (changed.scorer, changed.previous_version, changed.version) == ("length-head", "1", "2")
    assert changed.occurred_at == LATER
    assert shift.judged == 4, "the empty text is judged by neither"
    assert shift.mean_before == pytest.approx(0.25)
    assert shift.mean_shift == pytest.approx(0.15)
    assert shift.labels_changed == 0.25, "only 0.4 crosses one half"
    assert shift.ks == 0.5


def test_versions_that_score_alike_show_no_shift() -> None:
    before, after = (anchored(ShiftedScorer(version), FIVE, AT) for version in "12")
    (shift,) = scorer_changed(before, after).measures
    assert (shift.mean_shift, shift.labels_changed, shift.psi, shift.ks) == (0, 0, 0, 0)


def test_the_same_change_has_one_id_wherever_and_whenever_it_is_noticed() -> None:
    before = anchored(ShiftedScorer("1"), FIVE, AT)
    first, second = (scorer_changed(before, anchored(ShiftedScorer("2"), FIVE, at)) for at in (AT, LATER))

    assert first.event_id == second.event_id
    assert scorer_changed(before, anchored(ShiftedScorer("3"), FIVE, AT)).event_id != first.event_id
    assert scorer_changed(before, anchored(ShiftedScorer("2"), FIVE, AT), turn=3).event_id != first.event_id


def test_scores_of_other_anchors_are_not_compared() -> None:
    before = anchored(ShiftedScorer("1"), Anchors.of(FIVE.subjects[:3]), AT)
    assert scorer_changed(before, anchored(ShiftedScorer("2", shift=0.5), FIVE, AT)).measures == ()


def test_what_neither_version_judged_is_no_shift() -> None:
    nothing = Anchors.of([Subject()])
    before, after = (anchored(ShiftedScorer(version), nothing, AT) for version in "12")
    assert scorer_changed(before, after).measures == ()


def test_a_change_survives_the_wire() -> None:
    before = anchored(ShiftedScorer("1"), FIVE, AT)
    changed = scorer_changed(before, anchored(ShiftedScorer("2", shift=0.3), FIVE, AT))
    assert decode("scorers.changed.v1", encode(changed), AT) == changed


Scores = st.lists(st.floats(0, 1), min_size=2, max_size=80)


@given(Scores, Scores)
def test_the_distance_of_distributions_is_scipys(before: Sequence[float], after: Sequence[float]) -> None:
    found = kolmogorov_smirnov(np.array(before), np.array(after))
    assert found == pytest.approx(ks_2samp(before, after, method="asymp").statistic)


@given(Scores, st.integers(0, 2**31))
def test_stability_is_that_of_the_drift_detector_for_samples_of_one_size(before: Sequence[float], seed: int) -> None:
    values = np.array(before)
    after = np.random.default_rng(seed).permutation(values) * 0.9
    detector = PopulationStability.against(histogram(values))

    expected = detector.measure(detector.counts(after))

    assert population_stability(values, after) == pytest.approx(expected, abs=1e-9)
