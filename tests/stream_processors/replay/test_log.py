"""The log read for a replay: all of it, in the order of log time, however much waits of one partition."""

from contextlib import closing

import pytest

from schemas.topics import SCORES_RECORDED
from services.clients.bus.connection import open_producer
from services.clients.bus.errors import BrokerDown
from stream_processors.frame.delivery import Source
from stream_processors.replay.log import AT_ONCE, opened
from tests.fixtures.broker import Broker


@pytest.mark.broker
def test_partitions_longer_than_what_waits_at_once_are_read_to_their_ends(broker: Broker) -> None:
    counts = {Source(SCORES_RECORDED.name, 0): 3 * AT_ONCE, Source(SCORES_RECORDED.name, 1): AT_ONCE // 4}
    with closing(open_producer(broker.settings)) as producer:
        for source, count in counts.items():
            for _ in range(count):
                producer.send(source.topic, b"x" * 100, partition=source.partition)
        producer.flush()
    with opened(broker.settings, (SCORES_RECORDED,)) as log:
        read = list(log.since(0))
    assert [logged.at for logged in read] == sorted(logged.at for logged in read)
    for source, count in counts.items():
        assert [logged.offset for logged in read if logged.source == source] == list(range(count))


@pytest.mark.broker
def test_a_broker_that_goes_away_while_the_log_is_read_ends_the_reading(
    empty: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream_processors.replay.log.PATIENCE_S", 1.0)
    with closing(open_producer(empty.settings)) as producer:
        for _ in range(24):
            producer.send(SCORES_RECORDED.name, b"x" * 900_000, partition=0)
        producer.flush()
    with opened(empty.settings, (SCORES_RECORDED,)) as log:
        reading = log.since(0)
        next(reading)
        empty.stop()
        with pytest.raises(BrokerDown):
            list(reading)
