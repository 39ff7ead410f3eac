"""The sink's processes against the real broker and the real engine."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from schemas.settings import Settings
from services.bus.producer import Producer
from services.sink.positions import table_of
from services.warehouse.client import Warehouse
from tests.fixtures.broker import Broker
from tests.services.sink.sinks import count, one, requested, responded, sink_process, wait_until

pytestmark = [pytest.mark.broker, pytest.mark.warehouse]

Environment = dict[str, str]
KILLED = "request_id LIKE 'kill-%'"


@pytest.fixture(scope="module")
def environment(broker: Broker, warehouse_environment: Environment) -> Environment:
    return {**warehouse_environment, **broker.environment}


@pytest.fixture
def producer(environment: Environment) -> Iterator[Producer]:
    with closing(Producer(Settings.from_environment(environment), "test")) as sending:
        yield sending


def test_a_sink_killed_under_load_stores_each_event_exactly_once(
    environment: Environment, producer: Producer, tmp_path: Path
) -> None:
    settings = Settings.from_environment(environment)
    chance = random.Random(7)
    with traffic(producer, "kill") as sent:
        for _ in range(2):
            with sink_process(environment, tmp_path) as sink:
                already = count(settings, "requests", KILLED)
                wait_until(lambda before=already: count(settings, "requests", KILLED) > before)  # type: ignore[misc]  # a lambda with a default
                time.sleep(chance.random())
                sink.kill()
    with sink_process(environment, tmp_path) as sink:
        wait_until(lambda: count(settings, "requests", KILLED) + count(settings, "responses", KILLED) >= 2 * sent[0])
        assert sink.stop() == 0
    for table in ("requests", "responses"):
        rows = one(settings, f"SELECT count() AS n, uniqExact(event_id) AS d FROM {table} WHERE {KILLED}")
        assert rows == {"n": sent[0], "d": sent[0]}


@contextmanager
def traffic(producer: Producer, prefix: str) -> Iterator[list[int]]:
    """Send a request and its answer some 500 times a second; the list holds how many pairs, at the end exactly."""
    sent, stopping = [0], threading.Event()

    def send() -> None:
        while not stopping.wait(0.02):
            for _ in range(10):
                producer.send(requested(f"{prefix}-{sent[0]}"))
                producer.send(responded(f"{prefix}-{sent[0]}"))
                sent[0] += 1

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield sent
    finally:
        stopping.set()
        thread.join()
        producer.flush()


def test_two_sinks_share_the_work_and_store_each_event_exactly_once(
    environment: Environment, producer: Producer, tmp_path: Path
) -> None:
    settings = Settings.from_environment(environment)
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
    with sink_process(environment, folders[0]):
        for index in range(500):
            producer.send(requested(f"two-{index}"))
        producer.flush()
        wait_until(lambda: count(settings, "requests", "request_id LIKE 'two-%'") > 0)
        with sink_process(environment, folders[1]) as second:
            for index in range(500, 4000):
                producer.send(requested(f"two-{index}"))
                if index % 500 == 0:
                    producer.flush()
            producer.flush()
            wait_until(lambda: count(settings, "requests", "request_id LIKE 'two-%'") >= 4000)
            second.stop()
        producer.send(requested("two-last"))
        producer.flush()
        wait_until(lambda: count(settings, "requests", "request_id = 'two-last'") == 1)
    assert count(settings, "requests", "request_id LIKE 'two-%'") == 4001


def test_an_event_sent_twice_collapses_in_queries(environment: Environment, producer: Producer, tmp_path: Path) -> None:
    settings = Settings.from_environment(environment)
    event = requested("twice")
    with sink_process(environment, tmp_path):
        for _ in range(3):
            producer.send(event)
        producer.send(requested("twice-end"))
        producer.flush()
        wait_until(lambda: count(settings, "requests", "request_id = 'twice-end'") == 1)
        wait_until(lambda: count(settings, "requests FINAL", "request_id = 'twice'") == 1)


def test_each_topic_has_a_table_that_exists(environment: Environment) -> None:
    settings = Settings.from_environment(environment)
    with Warehouse.connect(settings) as warehouse:
        present = {str(row["name"]) for row in warehouse.query("SHOW TABLES")}
    assert {table_of("feedback.given.v1"), table_of("feedback.given.v1.dead-letter")} <= present
