"""A question that waits for its broker."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from kafka import KafkaConsumer
from kafka.errors import MetadataEmptyBrokerList

from schemas.settings import Settings
from schemas.topics import ALERTS_CHANGED
from services.clients.bus import patience
from services.clients.bus.errors import BrokerDown
from services.clients.bus.patience import patiently
from services.clients.bus.tail import Tail
from services.clients.bus.topics import topic_ids
from tests.fixtures.broker import Broker
from tests.fixtures.waiting import until


@pytest.mark.broker
def test_a_question_put_while_the_broker_is_away_is_answered_when_it_is_back(empty: Broker) -> None:
    attempts: list[Settings] = []

    def ask(settings: Settings) -> dict[str, str]:
        attempts.append(settings)
        return topic_ids(settings)

    empty.stop()
    with ThreadPoolExecutor() as beside:
        asked = beside.submit(patiently, ask, empty.settings)
        until(lambda: len(attempts), lambda count: count > 1)
        assert not asked.done()
        empty.start()
        assert all(asked.result().values())


def test_a_broker_that_stays_away_is_told_after_some_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "ATTEMPTS", 3)
    monkeypatch.setattr(patience, "_PAUSE_S", 0.01)
    asked = 0

    def nobody() -> None:
        nonlocal asked
        asked += 1
        raise BrokerDown("127.0.0.1:1")

    with pytest.raises(BrokerDown):
        patiently(nobody)
    assert asked == 3


@pytest.mark.broker
def test_a_broker_that_knows_of_no_brokers_is_down_to_who_reads_whole_topics(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(_: KafkaConsumer, topic: str) -> set[int]:
        raise MetadataEmptyBrokerList(topic)

    monkeypatch.setattr(KafkaConsumer, "partitions_for_topic", nobody)
    with pytest.raises(BrokerDown):
        Tail(broker.settings, [ALERTS_CHANGED.name])
