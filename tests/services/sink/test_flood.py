"""A topic of nothing but poison, with the sink's process and the real parts."""

from contextlib import closing
from pathlib import Path

import pytest

from schemas.settings import Settings
from schemas.topics import FEEDBACK_GIVEN
from services.clients.bus.producer import Producer
from services.clients.bus.topics import consumer_lag
from tests.fixtures.broker import Broker
from tests.fixtures.waiting import equals, until
from tests.services.sink.sinks import count, feedback, is_well, messages, sink_process

pytestmark = [pytest.mark.broker, pytest.mark.warehouse]

TOPIC = FEEDBACK_GIVEN.name
POISON = 3000


def test_a_flood_of_poison_stops_the_sink_until_the_operator_lets_it_through(
    broker: Broker, warehouse_environment: dict[str, str], tmp_path: Path
) -> None:
    environment = {**warehouse_environment, **broker.environment}
    settings = Settings.from_environment(environment)
    with closing(Producer(settings, "test")) as producer:
        for _ in range(POISON):
            producer.send_raw(TOPIC, b"no record", key=b"one partition")
        producer.send_raw(TOPIC, b"no record", key=b"one partition")
        producer.send(feedback("behind"))
        producer.flush()
    with sink_process(environment, tmp_path) as sink:
        until(sink.health, lambda conditions: conditions.get("readable") is False)
        assert not all(sink.health().values())
        assert sink.stop() == 0
        (line,) = [line for line in sink.log.read_text().splitlines() if "ERROR" in line]
        assert f"messages of {TOPIC}/" in line
        assert f"DRIFTLOOP_ACCEPT_POISON={TOPIC}" in line
    assert len(messages(settings, FEEDBACK_GIVEN.dead_letter)) < 1000
    behind = [lag.lag for lag in consumer_lag(settings) if (lag.group, lag.topic) == ("sink", TOPIC)]
    assert not behind or sum(behind) > POISON - 1000
    with sink_process({**environment, "DRIFTLOOP_ACCEPT_POISON": TOPIC}, tmp_path) as sink:
        until(lambda: count(settings, "dead_letters FINAL"), equals(POISON + 1))
        until(lambda: count(settings, "feedback", "request_id = 'behind'"), equals(1))
        until(sink.health, is_well)
