"""Reads the log again, without a group: what a restarted join must remember, what was told or saved before."""

from collections.abc import Iterator
from contextlib import closing

from kafka import TopicPartition

from schemas.codec import BadElement, decode_elements, from_unix_ms
from schemas.record import Record
from schemas.settings import Settings
from schemas.topics import Topic
from services.clients.bus.connection import open_consumer
from services.clients.bus.patience import patiently
from stream_processors.frame.delivery import Delivery, Source


def deliveries_since(settings: Settings, source: Source, since: int) -> Iterator[Delivery]:
    """Yield the decodable records of a partition logged at or after `since`, up to its present end.

    Args:
        since: Unix milliseconds.

    Raises:
        BrokerDown: Nobody has answered for long.
    """
    partition = TopicPartition(source.topic, source.partition)
    with closing(patiently(open_consumer, settings)) as reader:
        reader.assign([partition])
        found = patiently(reader.offsets_for_times, {partition: since}).get(partition)
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


def records_of(settings: Settings, topic: Topic) -> list[Record]:
    """Return all decodable records of a topic up to its present end, partition by partition."""
    return [delivery.record for delivery in deliveries_of(settings, topic)]


def deliveries_of(settings: Settings, topic: Topic, since: int = 0) -> Iterator[Delivery]:
    """Yield what `deliveries_since` does of all partitions of a topic, one after another."""
    for number in range(topic.partitions):
        yield from deliveries_since(settings, Source(topic.name, number), since)
