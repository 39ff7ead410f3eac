"""The drift processor on a real broker: killed, stopped, joined, and telling what one undisturbed run would tell."""

import random
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread

import msgspec
import pytest

from schemas.configuration_file import parse_configuration
from schemas.durations import parse_duration
from schemas.observations import DriftMeasured
from schemas.record import Record
from schemas.settings import Settings
from schemas.topics import DRIFT_MEASURED, SCORES_RECORDED
from services.clients.bus.connection import group_options
from services.clients.bus.producer import Producer
from services.clients.bus.topics import consumer_lag
from services.clients.registry.artifacts import ArtifactStore
from stream_processors.detectors.drift import measure_drift
from stream_processors.detectors.watched_streams import Lanes
from tests.fixtures.broker import Broker
from tests.fixtures.kafka import KafkaNode
from tests.stream_processors.observed import score, uniform_reference
from tests.stream_processors.workers import everything, pair, records, working

pytestmark = [pytest.mark.broker, pytest.mark.timeout(240)]

CONFIGURATION = """
apps: [{name: prompt-guard, base_model: tiny}]
windows: {length: 1s, lateness: 1s}
drift: {window: 2s, min_count: 5, adwin_delta: 0.9, page_hinkley: 1.0}
"""
FOREVER = 2**50


def test_drift_after_two_kills_in_mid_stream_is_that_of_an_undisturbed_run(
    empty: Broker | KafkaNode, tmp_path: Path
) -> None:
    with working("drift", empty, folder=tmp_path, configuration=CONFIGURATION) as worker:
        publish_reference(worker.settings)
        with traffic(empty.settings, random.Random(21)):
            for seconds in (13.3, 7.6):
                worker.await_ready()
                time.sleep(seconds)
                worker.kill()
                worker.start()
            worker.await_ready()
        assert_told_as_undisturbed(worker.settings)
        assert worker.log().count("detectors taken up: partitions=2") == 2
        assert uncommitted(empty.settings) < len(everything(empty.settings, SCORES_RECORDED)) / 3
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
            time.sleep(6)
            second.start()
            second.await_ready()
            first.pause()
            time.sleep(1.5 * group_options(empty.settings)["session_timeout_ms"] / 1000)
            first.go_on()
            time.sleep(3)
        assert_told_as_undisturbed(first.settings)
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


def assert_told_as_undisturbed(settings: Settings) -> None:
    """Wait until the last windows have fallen idle and been told, and compare."""
    wanted = undisturbed(settings)
    deadline = time.monotonic() + 40
    while not wanted.keys() <= told(settings).keys() and time.monotonic() < deadline:
        time.sleep(0.5)
    assert told(settings) == wanted
    assert {measured.method for measured in wanted.values()} == {"PopulationStability", "Adwin", "PageHinkley"}
    assert sum(measured.window_end.microsecond > 0 for measured in wanted.values()) > 20


def uncommitted(settings: Settings) -> int:
    """Return how many scores a restart would read again."""
    return sum(lag.lag for lag in consumer_lag(settings) if lag.topic == SCORES_RECORDED.name)


def told(settings: Settings) -> dict[str, DriftMeasured]:
    """Return what was told by id; what was told twice must be the same."""
    found: dict[str, DriftMeasured] = {}
    for record in records(settings, DRIFT_MEASURED):
        assert isinstance(record, DriftMeasured)
        assert found.setdefault(record.event_id, record) == record
    return found


def undisturbed(settings: Settings) -> dict[str, DriftMeasured]:
    """Return what one run over the whole log tells, its last windows closed."""
    configuration, store = parse_configuration(CONFIGURATION), ArtifactStore(settings.artifacts)
    lanes = Lanes(
        configuration.drift,
        length=parse_duration(configuration.drift.window),
        lateness=parse_duration(configuration.windows.lateness),
        references=store.reference,
    )
    measured = [
        record for delivery in everything(settings, SCORES_RECORDED) for record in measure_drift([delivery], lanes)
    ]
    closed = lanes.close_idle(lambda source: FOREVER)
    return {record.event_id: record for record in (*measured, *closed) if isinstance(record, DriftMeasured)}
