"""Reads the log again, without a group: what a restarted join must remember, what was told or saved before."""

import time
from collections.abc import Iterator
from contextlib import closing

from kafka import KafkaConsumer, TopicPartition

from schemas.codec import BadElement, decode_elements, from_unix_ms
from schemas.record import Record
from schemas.settings import Settings
from schemas.topics import Topic
from services.bus.connection import open_consumer
from services.bus.errors import BrokerDown
from stream_processors.delivery import Delivery, Source

PATIENCE_S = 60.0


def deliveries_since(settings: Settings, source: Source, since: int) -> Iterator[Delivery]:
    """Yield the decodable records of a partition logged at or after `since`, up to its present end.

    Args:
        since: Unix milliseconds.

    Raises:
        BrokerDown: Nobody has answered for PATIENCE_S.
    """
    partition = TopicPartition(source.topic, source.partition)
    with closing(_reader(settings)) as reader:
        reader.assign([partition])
        found = reader.offsets_for_times({partition: since}).get(partition)
        if found is None:
            return  # nothing is that young
        reader.seek(partition, found.offset)
        while (end := reader.highwater(partition)) is None or reader.position(partition) < end:
            for message in reader.poll(timeout_ms=200).get(partition, ()):
                logged_at = from_unix_ms(message.timestamp)
                if message.timestamp < since:
                    continue
                for record in decode_elements(source.topic, message.value, message.headers, logged_at):
                    if not isinstance(record, BadElement):  # it was counted when it was first read
                        yield Delivery(source, message.offset, logged_at, record)


def _reader(settings: Settings) -> KafkaConsumer:
    """Open a consumer; a broker that is away for a moment, or a process that was stopped, fails nothing."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return open_consumer(settings)
        except BrokerDown:
            if time.monotonic() > deadline:
                raise
            time.sleep(1.0)


def records_of(settings: Settings, topic: Topic) -> list[Record]:
    """Return all decodable records of a topic up to its present end, partition by partition."""
    return [delivery.record for delivery in deliveries_of(settings, topic)]


def deliveries_of(settings: Settings, topic: Topic, since: int = 0) -> Iterator[Delivery]:
    """Yield what `deliveries_since` does of all partitions of a topic, one after another."""
    for number in range(topic.partitions):
        yield from deliveries_since(settings, Source(topic.name, number), since)
