"""The monitors on a real broker, stopped until their session is over: the alerts of an undisturbed run, none twice."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from schemas.observations import AlertChanged
from schemas.record import Record
from schemas.settings import Settings
from schemas.topics import ALERTS_CHANGED, RETRAINING_REQUESTED
from services.clients.bus.producer import Producer
from tests.fixtures.broker import Broker, chosen_broker
from tests.fixtures.kafka import KafkaNode
from tests.fixtures.waiting import until
from tests.stream_processors.builders import now_ms, window
from tests.stream_processors.monitors.judged import AHEAD_MS, CONFIGURATION, await_judged
from tests.stream_processors.workers import await_no_members, records, working

pytestmark = pytest.mark.broker

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
    begin = (now_ms() + AHEAD_MS) // 1000 * 1000
    with running() as broker:
        stopped = alerts_of_a_stopped_run(broker, tmp_path / "stopped", begin)
    with running() as broker:
        undisturbed = alerts_of_an_undisturbed_run(broker, tmp_path / "undisturbed", begin)

    alerts = [record for record in undisturbed if isinstance(record, AlertChanged)]
    assert [alert.state for alert in alerts] == ["firing", "resolved"] * 3
    assert stopped == undisturbed


def alerts_of_a_stopped_run(broker: Broker | KafkaNode, folder: Path, begin: int) -> list[Record]:
    """Return what is told when the worker is stopped while windows come in."""
    folder.mkdir()
    with (
        closing(Producer(broker.settings, "windows")) as producer,
        working("monitors", broker, folder=folder, configuration=CONFIGURATION) as worker,
    ):
        worker.await_ready()
        report(producer, begin, range(STOPPED_AT))
        until(lambda: records(broker.settings, ALERTS_CHANGED), every_s=0.3)
        with worker.paused():
            report(producer, begin, range(STOPPED_AT, GOES_ON_AT))
            await_no_members(broker.settings, "monitors")
            logged = len(worker.log())
        worker.await_log("assigned: partitions=", since=logged)
        report(producer, begin, range(GOES_ON_AT, len(CORRECT)))
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
    """Return alerts and orders once all windows have been judged."""
    await_judged(settings, len(CORRECT))
    return [*records(settings, ALERTS_CHANGED), *records(settings, RETRAINING_REQUESTED)]
