"""The monitors on a real broker, stopped until their session is over: the alerts of an undisturbed run, none twice."""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from schemas.observations import AlertChanged
from schemas.record import Record
from schemas.settings import Settings
from schemas.topics import ALERTS_CHANGED, RETRAINING_REQUESTED
from services.clients.bus.connection import group_options
from services.clients.bus.producer import Producer
from tests.fixtures.broker import Broker, chosen_broker
from tests.fixtures.kafka import KafkaNode
from tests.stream_processors.builders import now_ms, window
from tests.stream_processors.workers import records, working

pytestmark = [pytest.mark.broker, pytest.mark.timeout(240)]

CONFIGURATION = """
apps: [{name: guard, base_model: tiny}]
windows: {length: 1s, lateness: 1s}
monitors:
  - {name: accuracy-drop, app: guard, metric: feedback.accuracy, window: 1s, below: 0.8, for: 2, min_count: 10,
     severity: critical, then: [alert, retrain]}
"""
CORRECT = [20] * 3 + [10] * 4 + [20] * 5 + [10] * 3 + [20] * 4 + [10] * 5 + [20] * 6
STOPPED_AT, GOES_ON_AT = 6, 21


@contextmanager
def running() -> Iterator[Broker | KafkaNode]:
    """A broker that no other test has written to."""
    broker = chosen_broker()
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


def test_monitors_stopped_past_their_session_raise_the_alerts_of_an_undisturbed_run(tmp_path: Path) -> None:
    begin = now_ms() // 1000 * 1000 + 15_000
    with running() as broker:
        assert group_options(broker.settings)["session_timeout_ms"] < 1000 * (GOES_ON_AT - STOPPED_AT)
        stopped = alerts_of_a_stopped_run(broker, tmp_path / "stopped", begin)
    with running() as broker:
        undisturbed = alerts_of_an_undisturbed_run(broker, tmp_path / "undisturbed", begin)

    alerts = [record for record in undisturbed if isinstance(record, AlertChanged)]
    assert [alert.state for alert in alerts] == ["firing", "resolved"] * 3
    assert stopped == undisturbed


def alerts_of_a_stopped_run(broker: Broker | KafkaNode, folder: Path, begin: int) -> list[Record]:
    """Return what is told when every window is sent at its time, and the worker stopped in between."""
    folder.mkdir()
    with (
        closing(Producer(broker.settings, "windows")) as producer,
        working("monitors", broker, folder=folder, configuration=CONFIGURATION) as worker,
    ):
        worker.await_ready()
        for second in range(len(CORRECT)):
            time.sleep(max(0.0, (begin + 1000 * (second + 1) - now_ms()) / 1000))
            if second == STOPPED_AT:
                worker.pause()
            if second == GOES_ON_AT:
                worker.go_on()
            report(producer, begin, [second])
        told = told_in_the_end(broker.settings)
        assert worker.stop() == 0
    return told


def alerts_of_an_undisturbed_run(broker: Broker | KafkaNode, folder: Path, begin: int) -> list[Record]:
    """Return what is told when all windows are there from the start."""
    folder.mkdir()
    with closing(Producer(broker.settings, "windows")) as producer:
        report(producer, begin, range(len(CORRECT)))
    with working("monitors", broker, folder=folder, configuration=CONFIGURATION) as worker:
        told = told_in_the_end(broker.settings)
        assert worker.stop() == 0
    return told


def report(producer: Producer, begin: int, seconds: Sequence[int]) -> None:
    """Send the partials of both source partitions of some windows."""
    for second in seconds:
        for partition in (0, 1):
            counters = {"feedback": 10.0, "feedback_correct": CORRECT[second] / 2}
            place = {"partition": partition, "first": 10 * second, "last": 10 * second + 9}
            producer.send(window(begin + 1000 * second, **place, counters=counters))
    producer.flush()


def told_in_the_end(settings: Settings) -> list[Record]:
    """Return alerts and orders once six alerts have come and no more for three seconds."""
    deadline = time.monotonic() + 60
    while len(records(settings, ALERTS_CHANGED)) < 6 and time.monotonic() < deadline:
        time.sleep(0.5)
    time.sleep(3)
    return [*records(settings, ALERTS_CHANGED), *records(settings, RETRAINING_REQUESTED)]
