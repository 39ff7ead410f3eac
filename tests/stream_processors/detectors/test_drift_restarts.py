"""The drift processor on a real broker: killed, stopped, joined, and telling what one undisturbed run would tell."""

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread

import msgspec
import pytest

from schemas.configuration_parser import parse_configuration
from schemas.durations import parse_duration
from schemas.observations import DetectorsSaved, DriftMeasured
from schemas.record import Record
from schemas.settings import Settings
from schemas.topics import DETECTORS_SAVED, DRIFT_MEASURED, SCORES_RECORDED
from services.clients.bus.patience import patiently
from services.clients.bus.producer import Producer
from services.clients.bus.topics import committed, topic_ids
from services.clients.registry.artifacts import ArtifactStore
from stream_processors.detectors.checkpoints import Checkpoint, latest, made_with
from stream_processors.detectors.drift import measure_drift
from stream_processors.detectors.watched_streams import Lanes
from stream_processors.frame.delivery import Delivery, Source
from tests.fixtures.broker import Broker
from tests.fixtures.kafka import KafkaNode
from tests.fixtures.waiting import until
from tests.stream_processors.observed import score, uniform_reference
from tests.stream_processors.workers import Worker, await_commits, everything, pair, records, working

pytestmark = pytest.mark.broker

CONFIGURATION = """
apps: [{name: prompt-guard, base_model: tiny}]
windows: {length: 1s, lateness: 1s}
drift: {window: 2s, min_count: 5, adwin_delta: 0.9, page_hinkley: 1.0}
"""
WINDOW = timedelta(seconds=2)
SCORES = [Source(SCORES_RECORDED.name, partition) for partition in range(SCORES_RECORDED.partitions)]
FAR = 500
FOREVER = 2**50


def test_drift_after_two_kills_in_mid_stream_is_that_of_an_undisturbed_run(
    empty: Broker | KafkaNode, tmp_path: Path
) -> None:
    lives: list[Left] = []
    with working("drift", empty, folder=tmp_path, configuration=CONFIGURATION) as worker:
        publish_reference(worker.settings)
        with traffic(empty.settings, random.Random(21)):
            for _ in range(2):
                worker.await_ready()
                saved = await_checkpoints(empty.settings, lives[-1].saved if lives else {})
                # Then a restart reads nothing again that these checkpoints don't need.
                floors = {source.partition: checkpoint.floor for source, checkpoint in saved.items()}
                await_commits(empty.settings, "drift", SCORES_RECORDED, floors)
                worker.kill()
                lives.append(left_by(worker))
                worker.start()
            worker.await_ready()
        wanted = await_told_as_undisturbed(worker.settings)
        for left in lives:
            assert "detectors taken up: partitions=2" in worker.log()[left.logged :]
            assert_only_what_is_behind_the_checkpoints_was_told_again(worker.settings, left, wanted)
        assert worker.stop() == 0


def test_drift_of_two_workers_over_a_join_and_a_stop_is_that_of_an_undisturbed_run(
    empty: Broker | KafkaNode, tmp_path: Path
) -> None:
    with pair("drift", empty, folder=tmp_path, configuration=CONFIGURATION) as (first, second):
        publish_reference(first.settings)
        publish_reference(second.settings)
        first.start()
        with traffic(empty.settings, random.Random(22)):
            first.await_ready()
            saved = await_checkpoints(empty.settings, {})
            second.start()
            second.await_ready()
            with first.paused():
                second.await_log("detectors taken up: partitions=2")
                await_checkpoints(empty.settings, saved)
                logged = len(first.log())
            first.await_log("detectors taken up", since=logged)
        await_told_as_undisturbed(first.settings)
        assert first.stop() == 0
        assert second.stop() == 0


def publish_reference(settings: Settings) -> None:
    """Give version 1 a reference, so that its windows are compared."""
    folder = settings.data / "adapter"
    folder.mkdir(parents=True)
    (folder / "reference.json").write_bytes(msgspec.json.encode(uniform_reference()))
    ArtifactStore(settings.artifacts).publish(folder, "prompt-guard", "prompt-guard-v1")


@contextmanager
def traffic(settings: Settings, rng: random.Random) -> Iterator[None]:
    """Send some 150 scores a second of several series until the block is left; some late, some twice."""
    stopping = Event()
    with closing(Producer(settings, "traffic")) as producer:

        def send() -> None:
            number = 0
            while not stopping.wait(0.02):
                for _ in range(3):
                    number += 1
                    scored = one_score(number, rng)
                    for _ in range(1 + (rng.random() < 0.1)):
                        producer.send(scored)

        thread = Thread(target=send)
        thread.start()
        try:
            yield
        finally:
            stopping.set()
            thread.join()
            producer.flush()


def one_score(number: int, rng: random.Random) -> Record:
    """Return a score of one of two metrics of the base model or of version 1, whose level shifts now and then."""
    return score(
        number,
        (rng.random() + number // 400 % 2) / 2,
        name=rng.choice(["prompt.distance", "prompt.distance", "prompt.harm"]),
        adapter_version=rng.choice(["prompt-guard-v1", "", "v3", "v4"]),
        occurred_at=datetime.now(UTC).replace(microsecond=0)
        + timedelta(milliseconds=rng.choice([0, 300, 600, 900]) - rng.choice([0, 0, 400, 2500])),
    )


@dataclass(frozen=True)
class Telling:
    """What an undisturbed run tells.

    Attributes:
        cause: The score at which it does; None when a partition has fallen silent.
    """

    measured: DriftMeasured
    cause: Delivery | None

    @property
    def is_detection(self) -> bool:
        """Whether it was told within its window, and not by its close."""
        return self.measured.window_end - self.measured.window_start < WINDOW


@dataclass(frozen=True)
class Left:
    """What a killed worker left.

    Attributes:
        saved: The checkpoints that its successor takes up.
        told: How many messages of each partition of drift.measured.v1 stood there by then.
        logged: Characters in its log.
    """

    saved: Mapping[Source, Checkpoint]
    told: Mapping[int, int]
    logged: int


def left_by(worker: Worker) -> Left:
    """Return what a worker left that was killed, its commits at floors of checkpoints and none too far."""
    settings, saved = worker.settings, checkpoints(worker.settings)
    floors = {(part.source_topic, part.source_partition, part.floor) for part in saved_parts(settings)}
    for source, at in scores_committed(settings).items():
        assert (*source, at) in floors
        assert at <= saved[source].floor
    told = Counter(delivery.source.partition for delivery in everything(settings, DRIFT_MEASURED))
    return Left(saved, told, len(worker.log()))


def await_checkpoints(settings: Settings, before: Mapping[Source, Checkpoint]) -> dict[Source, Checkpoint]:
    """Wait for a checkpoint of each partition far behind those before, of which older windows are closed."""
    since = {source: (at.offset, at.floor) for source, at in before.items()}

    def come(found: dict[Source, Checkpoint]) -> bool:
        places = [(found[source], *since.get(source, (0, 0))) for source in SCORES if source in found]
        return len(places) == len(SCORES) and all(
            checkpoint.offset >= offset + FAR and checkpoint.floor > floor for checkpoint, offset, floor in places
        )

    return until(lambda: checkpoints(settings), come, every_s=0.3)


def scores_committed(settings: Settings) -> dict[Source, int]:
    """Return what the processor has committed of the partitions of scores."""
    found = {Source(*place): at for place, at in patiently(committed, settings, "drift").items()}
    return {source: found[source] for source in SCORES if source in found}


def saved_parts(settings: Settings) -> list[DetectorsSaved]:
    """Return all parts of all checkpoints."""
    return [record for record in records(settings, DETECTORS_SAVED) if isinstance(record, DetectorsSaved)]


def checkpoints(settings: Settings) -> dict[Source, Checkpoint]:
    """Return the checkpoints that a worker would take up now."""
    wanted = made_with(parse_configuration(CONFIGURATION))
    return latest(saved_parts(settings), made_with=wanted, topic_ids=topic_ids(settings))


def await_told_as_undisturbed(settings: Settings) -> dict[str, Telling]:
    """Wait until the last windows have fallen idle and been told, compare, and return what had to be told."""
    tellings = undisturbed(settings)
    until(lambda: len(tellings.keys() - told(settings).keys()), lambda missing: missing == 0, every_s=0.5)
    wanted = {name: telling.measured for name, telling in tellings.items()}
    assert told(settings) == wanted
    assert {measured.method for measured in wanted.values()} == {"PopulationStability", "Adwin", "PageHinkley"}
    assert sum(telling.is_detection for telling in tellings.values()) > 20
    return tellings


def assert_only_what_is_behind_the_checkpoints_was_told_again(
    settings: Settings, left: Left, tellings: Mapping[str, Telling]
) -> None:
    """A successor reads from the floor on and is silent until the checkpoint's offset; detections show where it was."""
    causes = [telling.cause for telling in tellings.values() if telling.is_detection and telling.cause]
    assert any(left.saved[c.source].floor <= c.offset < left.saved[c.source].offset for c in causes)
    before = Counter(left.told)
    for delivery in everything(settings, DRIFT_MEASURED):
        telling = tellings[delivery.record.event_id]
        if before[delivery.source.partition] > 0:
            before[delivery.source.partition] -= 1
        elif telling.is_detection and telling.cause:
            assert telling.cause.offset >= left.saved[telling.cause.source].offset


def told(settings: Settings) -> dict[str, DriftMeasured]:
    """Return what was told by id; what was told twice must be the same."""
    found: dict[str, DriftMeasured] = {}
    for record in records(settings, DRIFT_MEASURED):
        assert isinstance(record, DriftMeasured)
        assert found.setdefault(record.event_id, record) == record
    return found


def undisturbed(settings: Settings) -> dict[str, Telling]:
    """Return what one run over the whole log tells, its last windows closed."""
    configuration, store = parse_configuration(CONFIGURATION), ArtifactStore(settings.artifacts)
    lanes = Lanes(
        configuration.drift,
        length=WINDOW,
        lateness=parse_duration(configuration.windows.lateness),
        references=store.reference,
    )
    at_scores = [(d, m) for d in everything(settings, SCORES_RECORDED) for m in measure_drift([d], lanes)]
    in_silence = [(None, m) for m in lanes.close_idle(lambda source: FOREVER)]
    return {m.event_id: Telling(m, cause) for cause, m in (*at_scores, *in_silence) if isinstance(m, DriftMeasured)}
