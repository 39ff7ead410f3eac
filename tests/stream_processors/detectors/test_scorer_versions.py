"""A new version of a scorer is no drift of traffic: its scores are a series of their own."""

import random
from collections.abc import Sequence
from datetime import timedelta

import msgspec

from schemas.codec import to_unix_ms
from schemas.configuration import Drift
from schemas.observations import DriftMeasured, RecordedScore, ScoresRecorded
from schemas.record import Record
from schemas.reference import Reference
from stream_processors.detectors.drift import measure_drift
from stream_processors.detectors.watched_streams import Lanes
from stream_processors.frame.delivery import Source
from tests.stream_processors.observed import NOON, log_of, score, uniform_reference

SOURCE = Source("scores.recorded.v2", 0)


def lanes_with(reference: Reference) -> Lanes:
    return Lanes(
        Drift(min_count=100),
        length=timedelta(seconds=30),
        lateness=timedelta(seconds=2),
        references=lambda app, version: reference,
    )


def scored(number: int, value: float, version: str, name: str = "prompt.distance") -> ScoresRecorded:
    given = RecordedScore(name=name, value=value, scorer=f"head@{version}")
    return msgspec.structs.replace(score(number, value, name=name), scores=(given,))


def of_two_versions(n: int, *, name: str = "prompt.distance") -> list[ScoresRecorded]:
    """Return scores of unchanged traffic; the version that comes halfway scores everything higher."""
    rng = random.Random(5)
    return [scored(i, rng.random(), "1", name) for i in range(n // 2)] + [
        scored(i, 0.5 + rng.random() / 2, "2", name) for i in range(n // 2, n)
    ]


def told(lanes: Lanes, records: Sequence[Record], first: int = 0) -> list[DriftMeasured]:
    found = [record for delivery in log_of(records, first=first) for record in measure_drift([delivery], lanes)]
    return [record for record in found if isinstance(record, DriftMeasured)]


def test_a_new_version_that_scores_higher_is_no_drift_by_adwin_and_page_hinkley() -> None:
    found = told(lanes_with(uniform_reference("other")), of_two_versions(1800))

    assert {(one.scorer, one.method) for one in found} == {
        (f"head@{version}", method) for version in "12" for method in ("Adwin", "PageHinkley")
    }
    assert not any(one.drifted for one in found)


def test_the_same_shift_by_one_version_is_drift() -> None:
    shifted = [
        msgspec.structs.replace(one, scores=(msgspec.structs.replace(one.scores[0], scorer="head@1"),))
        for one in of_two_versions(1800)
    ]
    assert any(one.drifted for one in told(lanes_with(uniform_reference("other")), shifted))


def test_a_version_is_compared_only_with_what_the_same_version_said_in_training() -> None:
    reference = msgspec.structs.replace(uniform_reference("prompt.injection"), scorers={"prompt.injection": "head@1"})
    found = told(lanes_with(reference), of_two_versions(1300, name="prompt.injection"))

    assert {(one.method, one.scorer, one.drifted) for one in found} == {("PopulationStability", "head@1", False)}


def test_a_reference_that_names_nobody_is_compared_with_any_version() -> None:
    found = told(lanes_with(uniform_reference("prompt.injection")), of_two_versions(1300, name="prompt.injection"))
    assert {one.scorer for one in found if one.method == "PopulationStability"} == {"head@1", "head@2"}


def test_versions_that_score_the_same_window_have_measurements_of_their_own() -> None:
    records = [scored(i, 0.5, str(i % 2)) for i in range(700)]
    found = [one for one in told(lanes_with(uniform_reference()), records) if one.window_start == NOON]

    assert len({one.event_id for one in found}) == len(found)
    assert {(one.scorer, one.count) for one in found} == {("head@0", 150), ("head@1", 150)}


def test_what_is_saved_of_each_version_is_taken_up_again() -> None:
    records = of_two_versions(1800)
    undisturbed = told(lanes_with(uniform_reference()), records)

    cut = 1000
    before, after = lanes_with(uniform_reference()), lanes_with(uniform_reference())
    first = told(before, records[:cut])
    floor = before.floor(SOURCE)
    assert floor is not None
    after.restore(SOURCE, before.saved(SOURCE), offset=cut)
    rest = told(after, records[floor:], first=floor)

    assert [*first, *rest] == undisturbed
    assert to_unix_ms(first[-1].window_end) <= to_unix_ms(rest[-1].window_end)
