"""Checkpoints of detectors: whatever is killed and whenever, what is told is what an undisturbed run tells."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import MAX_EVENT_BYTES, decode, encode
from schemas.configuration import Drift
from schemas.configuration_parser import parse_configuration
from schemas.observations import DetectorsSaved, DriftMeasured, ScoresRecorded
from schemas.record import Record
from schemas.topics import key_of
from stream_processors.detectors.checkpoints import Checkpoint, Slot, latest, made_with, to_records
from stream_processors.detectors.drift import measure_drift
from stream_processors.detectors.saved_state import SavedLane
from stream_processors.detectors.watched_streams import Lanes
from stream_processors.frame.delivery import Delivery, Source
from tests.stream_processors.observed import NOON, log_of, score, uniform_reference, window

SCORES = Source("scores.recorded.v2", 0)
FIVE = timedelta(seconds=5)
WINDOWS = Source("metrics.window-closed.v1", 0)
IDS = {SCORES.topic: "id-of-scores", WINDOWS.topic: "id-of-windows"}
MADE_WITH = "these settings"
SENSITIVE = Drift(min_count=5, adwin_delta=0.9, page_hinkley=1.0, warm_up=30, false_alarms="1 per 100", psi=0.25)


def lanes_with(drift: Drift = SENSITIVE) -> Lanes:
    return Lanes(
        drift,
        length=FIVE,
        lateness=timedelta(seconds=1),
        references=lambda app, version: uniform_reference() if version else None,
    )


def checkpoint(lanes: Lanes, source: Source, offset: int, slot: Slot = 0) -> Checkpoint:
    floor = lanes.floor(source)
    return Checkpoint(
        source=source,
        topic_id=IDS[source.topic],
        offset=offset,
        floor=offset if floor is None else floor,
        slot=slot,
        lanes=lanes.saved(source),
    )


def records_of(saved: Checkpoint) -> list[DetectorsSaved]:
    return to_records(saved, made_with=MADE_WITH, at=NOON)


def last(records: Sequence[Record]) -> dict[Source, Checkpoint]:
    saved = [record for record in records if isinstance(record, DetectorsSaved)]
    return latest(saved, made_with=MADE_WITH, topic_ids=IDS)


@dataclass
class Topic:
    """drift.detectors-saved.v1 as it is when everything that may be compacted away is."""

    messages: dict[bytes, bytes] = field(default_factory=dict)

    def write(self, records: Sequence[DetectorsSaved]) -> None:
        for record in records:
            key = key_of(record)
            self.messages.pop(key, None)
            self.messages[key] = encode(record)

    def last(self, source: Source) -> Checkpoint | None:
        return last([decode("drift.detectors-saved.v1", value, NOON) for value in self.messages.values()]).get(source)


@dataclass(frozen=True)
class Life:
    """One run of the process.

    Attributes:
        length: Messages until it is killed.
        saves: After how many messages a checkpoint is begun.
        torn: Whether it is killed before all parts of the last checkpoint are written.
        committed: Whether the floor of its checkpoints is committed.
    """

    length: int
    saves: tuple[int, ...]
    torn: bool
    committed: bool


lives = st.builds(
    Life, length=st.integers(1, 300), saves=st.tuples(*[st.integers(1, 300)] * 2).map(lambda s: tuple(sorted(s))),
    torn=st.booleans(), committed=st.booleans(),
)  # fmt: skip


def live(life: Life, log: Sequence[Delivery], topic: Topic, committed: int) -> tuple[list[Record], int]:
    """Return what one life tells, and the offset committed when it ends."""
    source, told = log[0].source, []
    lanes, restored = lanes_with(), topic.last(source)
    absorbed, slot = 0, 0
    if restored is not None:
        assert committed <= restored.floor
        lanes.restore(source, restored.lanes, offset=restored.offset)
        absorbed, slot = restored.offset, 1 - restored.slot
    for count, delivery in enumerate(log[committed : committed + life.length], 1):
        told += measure_drift([delivery], lanes)
        if count in life.saves and delivery.offset >= absorbed:
            saved = checkpoint(lanes, source, delivery.offset + 1, slot=1 if slot else 0)
            if life.torn and count == life.saves[-1]:
                topic.write(records_of(saved)[:-1])
                break
            topic.write(records_of(saved))
            slot = 1 - slot
            committed = saved.floor if life.committed else committed
    return told, committed


def told_over(lives: Sequence[Life], log: Sequence[Delivery]) -> list[Record]:
    """Return everything told over some lives and a last one that reads to the end."""
    topic, committed, told = Topic(), 0, []
    for life in [*lives, Life(len(log), (), torn=False, committed=False)]:
        records, committed = live(life, log, topic, committed)
        told += records
    return told


def disordered(records: list[Record], rng: random.Random) -> list[Delivery]:
    """Return records as logged out of order, a tenth of them twice and some too late."""
    again = [record for record in records if rng.random() < 0.1]
    arrivals = [(record.occurred_at + timedelta(seconds=rng.uniform(0, 2.5)), record) for record in [*records, *again]]
    arrivals.sort(key=lambda arrival: arrival[0])
    source = SCORES if isinstance(records[0], ScoresRecorded) else WINDOWS
    return [Delivery(source, i, at, record) for i, (at, record) in enumerate(arrivals)]


def scores(rng: random.Random) -> list[Record]:
    """Return thirty seconds of two metrics of a version, and of the base model, which has no reference."""
    names, versions = ("prompt.distance",) * 3 + ("prompt.harm",), ("prompt-guard-v1", "")
    return [
        score(i, (rng.random() + i // 150 % 2) / 2, every_s=0.05, name=rng.choice(names),
              adapter_version=rng.choice(versions))
        for i in range(600)
    ]  # fmt: skip


def assert_same(told: Sequence[Record], wanted: Sequence[Record]) -> None:
    """Assert that what is told, repeats apart, is what is wanted, in order and to the last bit."""
    first: dict[str, Record] = {}
    for record in told:
        assert first.setdefault(record.event_id, record) == record
    assert list(first.values()) == list(wanted)


@settings(max_examples=60)
@given(seed=st.integers(0, 99), run=st.lists(lives, max_size=3))
def test_scores_make_the_same_told_over_any_lives(seed: int, run: list[Life]) -> None:
    log = disordered(scores(random.Random(seed)), random.Random(seed))
    undisturbed = told_over([], log)
    detections = [m for m in undisturbed if isinstance(m, DriftMeasured) and m.occurred_at < m.window_start + FIVE]
    assert {m.method for m in detections} == {"Adwin", "PageHinkley"}

    assert_same(told_over(run, log), undisturbed)


@settings(max_examples=20)
@given(seed=st.integers(0, 99), run=st.lists(lives, max_size=3))
def test_windows_of_feedback_make_the_same_told_over_any_lives(seed: int, run: list[Life]) -> None:
    rng = random.Random(seed)
    windows: list[Record] = [
        window(i, judged=7, correct=rng.randint(0, 7 if i < 100 else 3), partition=rng.randint(0, 1))
        for i in range(200)
    ]
    log = disordered(windows, rng)
    undisturbed = told_over([], log)
    assert len(undisturbed) > 200
    assert {measured.reference for measured in undisturbed if isinstance(measured, DriftMeasured)} == {
        "learning", "learnt"
    }  # fmt: skip

    assert_same(told_over(run, log), undisturbed)


def test_a_state_written_before_there_was_an_e_detector_is_taken_up_without_one() -> None:
    log = log_of([window(i, judged=20, correct=18) for i in range(40)], topic=WINDOWS.topic)
    before, after = lanes_with(msgspec.structs.replace(SENSITIVE, detector="page-hinkley")), lanes_with()
    measure(before, log[:20])
    saved = checkpoint(before, WINDOWS, 20)
    tree = [msgspec.to_builtins(lane) for lane in saved.lanes]
    for lane in tree:
        for watch in lane["watches"]:
            del watch["mean"]
            assert watch["test"]["count"] == 400
            for open_window in watch["windows"]:
                del open_window["evidence"]
    old = msgspec.structs.replace(saved, lanes=tuple(msgspec.convert(lane, SavedLane) for lane in tree))

    after.restore(WINDOWS, last(records_of(old))[WINDOWS].lanes, offset=20)
    told = [m for delivery in log[saved.floor :] for m in measure_drift([delivery], after)]

    closed = [m for m in told if isinstance(m, DriftMeasured)]
    assert {m.method for m in closed} == {"EDetector"}
    assert closed[-1].detected_at_count > 700


def test_an_e_detector_of_another_rule_begins_anew_and_leaves_the_others_alone() -> None:
    log = log_of([window(i, judged=20, correct=18) for i in range(40)], topic=WINDOWS.topic)
    before = lanes_with()
    measure(before, log)
    (watch,) = (watch for lane in before.saved(WINDOWS) for watch in lane.watches)
    assert watch.mean is not None
    assert watch.mean.detector is not None

    for drift, kept in ((SENSITIVE, True), (msgspec.structs.replace(SENSITIVE, false_alarms="1 per 200"), False)):
        after = lanes_with(drift)
        after.restore(WINDOWS, before.saved(WINDOWS), offset=40)
        (restored,) = (watch for lane in after.saved(WINDOWS) for watch in lane.watches)
        assert (restored.mean == watch.mean) == kept
        assert restored.total == watch.total


def test_late_scores_read_again_are_counted_once() -> None:
    log = disordered(scores(random.Random(4)), random.Random(4))
    whole, before, after = lanes_with(), lanes_with(), lanes_with()
    measure(whole, log)
    measure(before, log[:400])
    saved = checkpoint(before, SCORES, 400)
    after.restore(SCORES, saved.lanes, offset=400)
    measure(after, log[saved.floor :])

    assert whole.late > 5
    assert before.late + after.late == whole.late


def measure(lanes: Lanes, log: Sequence[Delivery]) -> None:
    for delivery in log:
        measure_drift([delivery], lanes)


def test_a_window_that_opened_without_a_reference_is_not_compared_after_a_restart() -> None:
    log = log_of([score(i, 0.5) for i in range(100)])
    before = Lanes(SENSITIVE, length=FIVE, lateness=timedelta(seconds=1), references=lambda app, version: None)
    measure(before, log[:30])
    saved, after = checkpoint(before, SCORES, 30), lanes_with()
    after.restore(SCORES, saved.lanes, offset=30)

    told = [m for d in log[saved.floor :] for m in measure_drift([d], after)]

    closed = [
        m for m in told if isinstance(m, DriftMeasured) and m.window_start == NOON and m.window_end == NOON + FIVE
    ]
    assert {m.method for m in closed} == {"Adwin", "PageHinkley"}


def test_the_furthest_complete_state_counts_and_not_the_last_written() -> None:
    log, lanes, states = log_of(scores(random.Random(5))), lanes_with(), {}
    for delivery in log[:300]:
        measure_drift([delivery], lanes)
        if delivery.offset + 1 in (100, 200, 300):
            states[delivery.offset + 1] = checkpoint(lanes, SCORES, delivery.offset + 1)
    torn = records_of(states[300])[:-1]

    found = last([*records_of(states[200]), *torn, *records_of(states[100])])

    assert found == {SCORES: states[200]}


@pytest.mark.parametrize("change", [{"made_with": "other settings"}, {"topic_ids": {SCORES.topic: "another"}}])
def test_a_state_of_other_settings_or_of_a_topic_made_anew_is_not_taken_up(change: dict[str, Any]) -> None:
    lanes = lanes_with()
    measure(lanes, log_of(scores(random.Random(6))))
    records = records_of(checkpoint(lanes, SCORES, 600))
    known: dict[str, Any] = {"made_with": MADE_WITH, "topic_ids": IDS}

    assert latest(records, **known).keys() == {SCORES}
    assert latest(records, **{**known, **change}) == {}


def test_what_a_state_means_depends_on_the_detectors_settings_only() -> None:
    text = "apps: [{name: guard, base_model: tiny}]\n"
    plain, psi, delta, length, lateness = (
        made_with(parse_configuration(text + more))
        for more in ("", "drift: {psi: 0.5}", "drift: {adwin_delta: 0.1}", "drift: {window: 9s}",
                     "windows: {lateness: 9s}")
    )  # fmt: skip

    assert plain == psi
    assert len({plain, delta, length, lateness}) == 4


def test_a_watch_takes_a_few_kilobytes_however_long_its_stream() -> None:
    lanes, rng = lanes_with(Drift()), random.Random(7)
    sizes = []
    for part in range(3):
        measure(
            lanes, log_of([score(i, rng.random(), every_s=0.01) for i in range(10_000 * part, 10_000 * part + 10_000)])
        )
        sizes.append(sum(len(encode(record)) for record in records_of(checkpoint(lanes, SCORES, 1))))

    assert max(sizes) < 5_000


def test_a_state_of_many_series_goes_in_messages_that_brokers_take_and_comes_back_whole() -> None:
    lanes = lanes_with()
    measure(lanes, log_of([score(i, 0.5, tenant=f"tenant-{i % 450}", every_s=0.01) for i in range(900)]))
    saved = checkpoint(lanes, SCORES, 900)

    records = records_of(saved)

    assert len(records) == 5
    assert max(len(encode(record)) for record in records) < MAX_EVENT_BYTES
    assert last(records) == {SCORES: saved}


def test_a_version_silent_for_a_week_is_forgotten() -> None:
    lanes = lanes_with()
    week = timedelta(days=7)
    early = [score(0, 0.5, adapter_version="retired"), *(score(i, 0.5, every_s=1) for i in range(20))]
    late = [score(i, 0.5, every_s=1, occurred_at=NOON + week + timedelta(seconds=i)) for i in range(20, 60)]
    measure(lanes, log_of(early))
    assert versions(lanes) == {"retired", "prompt-guard-v1"}

    measure(lanes, log_of(late, first=len(early)))

    assert versions(lanes) == {"prompt-guard-v1"}


def versions(lanes: Lanes) -> set[str]:
    return {watch.series.adapter_version for lane in lanes.saved(SCORES) for watch in lane.watches}
