"""Poison, outages and re-created topics, with the sink's processes against the real parts."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from msgspec import structs

from schemas.codec import BATCH_CONTENT_TYPE, encode
from schemas.inference import Message
from schemas.record import Record
from schemas.settings import Settings, port_variable
from schemas.topics import INBOUND, Topic, key_of
from services.clients.bus.producer import Producer
from services.clients.bus.topics import consumer_lag, topic_ids
from tests.fixtures.broker import Broker
from tests.fixtures.ports import free_port
from tests.fixtures.waiting import at_least, equals, until
from tests.fixtures.warehouse import running_warehouse
from tests.services.clients.bus.traffic import make_anew
from tests.services.sink.sinks import (
    SinkProcess,
    count,
    feedback,
    messages,
    one,
    requested,
    responded,
    sink_process,
)

pytestmark = [pytest.mark.broker, pytest.mark.warehouse]

Environment = dict[str, str]
RESPONDED = "inference.responded.v1"
BACKLOG = 25_000
MOST_GROWTH = 150 * 2**20
POISON_ELEMENT = b'{"event_id": 3}'
POISON = b'\xff\x00 {"not": json'
BUILD: dict[str, Callable[[str], Record]] = {
    "inference.requested.v1": requested,
    "inference.responded.v1": responded,
    "feedback.given.v1": feedback,
}


@pytest.fixture(scope="module")
def environment(broker: Broker, warehouse_environment: Environment) -> Environment:
    return {**warehouse_environment, **broker.environment}


@pytest.fixture
def producer(environment: Environment) -> Iterator[Producer]:
    with closing(Producer(Settings.from_environment(environment), "test")) as sending:
        yield sending


def test_poison_on_each_inbound_topic_becomes_a_dead_letter_and_the_stream_goes_on(
    environment: Environment, producer: Producer, tmp_path: Path
) -> None:
    settings = Settings.from_environment(environment)
    with sink_process(environment, tmp_path):
        for topic in INBOUND:
            event = BUILD[topic.name](f"after-{topic.name}")
            producer.send_raw(topic.name, POISON, key=key_of(event), headers=[("who", b"test")])
            producer.send(event)
        producer.flush()
        until(lambda: count(settings, "feedback", "request_id = 'after-feedback.given.v1'"), equals(1))
        until(lambda: count(settings, "requests", "request_id = 'after-inference.requested.v1'"), equals(1))
        until(lambda: count(settings, "responses", "request_id = 'after-inference.responded.v1'"), equals(1))
        until(lambda: count(settings, "dead_letters"), equals(3))
    for topic in INBOUND:
        _is_there_byte_for_byte(settings, topic)


def _is_there_byte_for_byte(settings: Settings, topic: Topic) -> None:
    row = one(
        settings,
        "SELECT hex(value) AS value, reason, source_topic_id, source_offset FROM dead_letters FINAL "
        f"WHERE source_topic = '{topic.name}'",
    )
    assert row == {
        "value": POISON.hex().upper(),
        "reason": "malformed JSON",
        "source_topic_id": topic_ids(settings)[topic.name],
        "source_offset": 0,
    }
    (letter,) = messages(settings, topic.dead_letter)
    assert letter.value == POISON
    assert dict(letter.headers)["who"] == b"test"
    assert dict(letter.headers)["dl_reason"] == b"malformed JSON"


def test_a_record_that_fits_no_column_becomes_a_dead_letter(
    environment: Environment, producer: Producer, tmp_path: Path
) -> None:
    settings = Settings.from_environment(environment)
    huge = b'{"event_id":"e","occurred_at":"%s","app":"a","request_id":"r","messages":[],"usage":{"input_tokens":%d}}'
    window = (
        b'{"event_id":"w","occurred_at":"%s","app":"a","window_start":"0001-01-01T00:00:00Z","window_end":"%s",'
        b'"source_topic":"t","source_partition":0,"first_offset":0,"last_offset":%d,"counters":{}}'
    )
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()).encode()
    with sink_process(environment, tmp_path):
        producer.send_raw("inference.responded.v1", huge % (now, 2**70))
        producer.send_raw("metrics.window-closed.v1", window % (now, now, 2**70))
        producer.flush()
        until(lambda: count(settings, "dead_letters", "source_topic = 'metrics.window-closed.v1'"), equals(1))
        until(lambda: count(settings, "responses", "request_id = 'r'"), equals(1))


def test_rows_of_a_re_created_topic_join_those_of_the_old_one(
    environment: Environment, producer: Producer, tmp_path: Path
) -> None:
    settings = Settings.from_environment(environment)
    with sink_process(environment, tmp_path):
        for index in range(50):
            producer.send(requested(f"old-{index}"))
        producer.flush()
        until(lambda: count(settings, "requests", "request_id LIKE 'old-%'"), equals(50))
        make_anew(settings, "inference.requested.v1")
        with closing(Producer(settings, "test-2")) as second:
            for index in range(20):
                second.send(requested(f"new-{index}"))
            second.flush()
        until(lambda: count(settings, "requests", "request_id LIKE 'new-%'"), equals(20))
    assert count(settings, "requests", "request_id LIKE 'old-%'") == 50


def test_a_sink_that_starts_after_a_topic_was_re_created_stores_all_of_it(
    environment: Environment, producer: Producer, tmp_path: Path
) -> None:
    settings = Settings.from_environment(environment)
    before = count(settings, "feedback")
    with sink_process(environment, tmp_path):
        for index in range(30):
            producer.send(feedback(f"former-{index}"))
        producer.flush()
        until(lambda: count(settings, "feedback"), equals(before + 30))
    make_anew(settings, "feedback.given.v1")
    with closing(Producer(settings, "test-3")) as second:
        for index in range(40):
            second.send(feedback(f"latter-{index}"))
        second.flush()
    with sink_process(environment, tmp_path):
        until(lambda: count(settings, "feedback"), equals(before + 70))


def test_poison_in_an_array_dead_letters_alone(environment: Environment, producer: Producer, tmp_path: Path) -> None:
    settings = Settings.from_environment(environment)
    value = b"[%b,%b,%b]" % (encode(responded("beside-1")), POISON_ELEMENT, encode(responded("beside-2")))
    with sink_process(environment, tmp_path):
        array = [("content-type", BATCH_CONTENT_TYPE.encode())]
        producer.send_raw("inference.responded.v1", value, headers=array)
        producer.flush()
        until(lambda: count(settings, "responses", "request_id LIKE 'beside-%'"), equals(2))
        until(lambda: count(settings, "dead_letters", "source_element > 0"), equals(1))
    row = one(settings, "SELECT value, source_element, source_topic FROM dead_letters FINAL WHERE source_element > 0")
    assert row == {"value": POISON_ELEMENT.decode(), "source_element": 2, "source_topic": "inference.responded.v1"}


def test_while_the_warehouse_is_down_lag_grows_memory_does_not_and_afterwards_all_is_stored(
    broker: Broker, tmp_path: Path
) -> None:
    environment = {
        **broker.environment,
        "DRIFTLOOP_DATA": str(tmp_path / "data"),
        port_variable("warehouse"): str(free_port()),
    }
    settings = Settings.from_environment(environment)
    with closing(Producer(settings, "test")) as producer, ExitStack() as stack:
        with running_warehouse(environment):
            sink = stack.enter_context(sink_process(environment, tmp_path))
            send_large(producer, "outage", range(3_000))
            until(lambda: count(settings, "responses", "request_id LIKE 'outage-%'"), equals(3_000))
        before, behind = sink.resident_bytes(), lag_of(settings)
        send_large(producer, "outage", range(3_000, 3_000 + BACKLOG))
        most = greatest_memory(sink, attempts=4)
        until(lambda: lag_of(settings) - behind, at_least(BACKLOG))
        assert most - before < MOST_GROWTH
        with running_warehouse(environment):
            until(lambda: count(settings, "responses", "request_id LIKE 'outage-%'"), at_least(3_000 + BACKLOG))
            row = one(settings, "SELECT count() AS n, uniqExact(event_id) AS d FROM responses WHERE app = 'guard'")
            assert row == {"n": 3_000 + BACKLOG, "d": 3_000 + BACKLOG}


def send_large(producer: Producer, prefix: str, numbers: range) -> None:
    """Send answers of two kilobytes."""
    output = Message(role="assistant", content="x" * 2_000)
    for number in numbers:
        producer.send(structs.replace(responded(f"{prefix}-{number}"), output=output))
        if number % 1_000 == 0:
            producer.flush()
    producer.flush()


def lag_of(settings: Settings) -> int:
    return sum(lag.lag for lag in consumer_lag(settings) if (lag.group, lag.topic) == ("sink", RESPONDED))


def greatest_memory(sink: SinkProcess, *, attempts: int) -> int:
    """Return the most memory that a sink holds while it tries some times more to store what it can't."""
    most = 0

    def tried() -> int:
        nonlocal most
        most = max(most, sink.resident_bytes())
        return sink.log.read_text().count("trying again")

    until(tried, at_least(tried() + attempts))
    return most
