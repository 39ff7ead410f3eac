"""Where logs end, and which topic a name stands for right now."""

import time
from collections.abc import Collection

from kafka import KafkaConsumer, TopicPartition

_PATIENCE_S = 5.0


def topic_id(reader: KafkaConsumer, topic: str) -> str:
    """Return the id of a topic by the reader's latest metadata; empty while unknown.

    kafka-python keeps ids in its cluster metadata without a public accessor on the consumer. Asking
    another connection instead would let the two disagree just when a topic is re-created.
    """
    found = reader._cluster.topic_id(topic)
    return str(found) if found else ""


def log_ends(reader: KafkaConsumer, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
    """Return the offset behind the last message of each partition, where it can be had in time.

    Uses the high watermark of fetch responses: the light broker answers ListOffsets(latest) with
    the base of the last batch plus one. The reader's assignment is replaced.
    """
    reader.assign(list(partitions))
    for partition, offset in reader.end_offsets(list(partitions)).items():
        reader.seek(partition, offset)
    deadline = time.monotonic() + _PATIENCE_S
    ends: dict[TopicPartition, int] = {}
    while len(ends) < len(partitions) and time.monotonic() < deadline:
        reader.poll(timeout_ms=50)
        ends = {p: end for p in partitions if (end := reader.highwater(p)) is not None}
    return ends
