"""Log times for the light broker: the moment of sending.

On Kafka the topics ask for the broker's clock (message.timestamp.type). Tansu 0.6 does not look at its topics'
settings, and where a batch itself asks, it leaves the batch with a wrong checksum. A client's own time is that of
the call, older than the append by as long as the message waited for a slow machine or a broker that was away;
whatever is closed by the clock meanwhile would close before what belongs to it.

Source of the layout: Kafka protocol, record batch, magic 2.
"""

import time
from typing import Any

from crc32c import crc32c
from kafka import KafkaProducer

UNSENT = 0
"""The time of every record that waits. Within a batch times count from the first, so all stay alike."""

_CRC = slice(17, 21)
_CHECKED_FROM = 21
_TIMES = slice(27, 43)  # of the first record, and the greatest


def stamp(batch: bytearray) -> None:
    """Give a finished batch of records that were made at UNSENT the present time, in place."""
    batch[_TIMES] = 2 * (time.time_ns() // 1_000_000).to_bytes(8, "big")
    batch[_CRC] = crc32c(memoryview(batch)[_CHECKED_FROM:]).to_bytes(4, "big")


def stamp_when_sent(producer: KafkaProducer) -> None:
    """Have whatever a producer sends stamped then, each time that it tries."""
    accumulator = producer._accumulator
    append, drain = accumulator.append, accumulator.drain

    def timeless(partition: Any, timestamp_ms: int | None, *rest: Any, **options: Any) -> Any:
        return append(partition, UNSENT, *rest, **options)

    def stamped(*args: Any, **options: Any) -> Any:
        by_node = drain(*args, **options)
        for batches in by_node.values():
            for batch in batches:
                stamp(batch.records.buffer())
        return by_node

    accumulator.append, accumulator.drain = timeless, stamped
