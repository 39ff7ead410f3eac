"""What a group has dealt with, asked of the real broker."""

from contextlib import closing
from functools import partial

import pytest
from kafka import TopicPartition
from kafka.structs import OffsetAndMetadata

from schemas.topics import INFERENCE_REQUESTED
from services.clients.bus.connection import open_consumer
from services.clients.bus.consumer import Consumer
from services.clients.bus.positions import log_ends
from services.clients.bus.producer import Producer
from services.clients.bus.progress import GroupProgress
from tests.fixtures.broker import Broker
from tests.fixtures.waiting import equals, until
from tests.services.sink.sinks import requested

TOPIC = INFERENCE_REQUESTED.name
PARTITIONS = frozenset((TOPIC, number) for number in range(INFERENCE_REQUESTED.partitions))


@pytest.mark.broker
def test_a_group_is_done_with_a_partition_once_it_has_committed_to_its_end(empty: Broker) -> None:
    settings = empty.settings
    with closing(Producer(settings, "test")) as producer, closing(GroupProgress(settings, "functional")) as progress:
        until(partial(progress.caught_up, PARTITIONS), equals(PARTITIONS))
        for number in range(500):
            producer.send(requested(f"r-{number}"))
        producer.flush()
        assert progress.caught_up(PARTITIONS) == frozenset()
        with closing(Consumer(settings, "functional", [TOPIC])) as consumer:
            read = 0
            while read < 500:
                read += len(consumer.poll(1))
            assert progress.caught_up(PARTITIONS) == frozenset()
            consumer.commit()
        until(partial(progress.caught_up, PARTITIONS), equals(PARTITIONS))
        producer.send(requested("one more"))
        producer.flush()
        until(lambda: len(progress.caught_up(PARTITIONS)), equals(len(PARTITIONS) - 1))


@pytest.mark.broker
def test_a_partition_whose_last_message_is_not_committed_is_not_done(empty: Broker) -> None:
    settings, first = empty.settings, TopicPartition(TOPIC, 0)
    with closing(Producer(settings, "test")) as producer:
        for number in range(500):
            producer.send(requested(f"r-{number}"))
        producer.flush()
    with (
        closing(open_consumer(settings, group_id="functional")) as member,
        closing(GroupProgress(settings, "functional")) as progress,
    ):
        end = log_ends(member, [first])[first]
        member.commit({first: OffsetAndMetadata(end - 1, "", -1)})
        assert progress.caught_up([first]) == frozenset()
        member.commit({first: OffsetAndMetadata(end, "", -1)})
        until(lambda: progress.caught_up([first]), equals(frozenset([first])))


def test_nothing_is_done_while_the_broker_is_away() -> None:
    away = Broker()
    assert GroupProgress(away.settings, "functional").caught_up(PARTITIONS) == frozenset()
