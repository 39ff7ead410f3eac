"""Which partition a key belongs to, for those who put several events into one message. Pure."""

from collections.abc import Sequence
from functools import lru_cache

from kafka.partitioner.default import murmur2


def partition_of(key: bytes, partitions: Sequence[int]) -> int:
    """Return the partition that the producers of kafka-python, aiokafka and Java would choose for a key.

    Args:
        key: Not None: without a key there is no place to keep.
        partitions: Numbers of all partitions of the topic, ascending.
    """
    return partitions[_hash(key) % len(partitions)]


# Request, answer and feedback share a key, and the hash is computed in Python.
@lru_cache(maxsize=4096)
def _hash(key: bytes) -> int:
    return int(murmur2(key)) & 0x7FFFFFFF
