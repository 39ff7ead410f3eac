"""Reads stretches of several topics, all partitions merged by log time. Feeds stream_processors.replay.course.

Log times of one partition may run backwards; a message counts as logged no earlier than any before it.
"""

import heapq
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import NamedTuple

from kafka import TopicPartition
from kafka.consumer.fetcher import ConsumerRecord

from schemas.codec import BadElement, decode_elements, from_unix_ms
from schemas.settings import Settings
from schemas.topics import Topic
from services.clients.bus.connection import open_consumer
from services.clients.bus.errors import BrokerDown, TopicMissing
from services.clients.bus.positions import log_ends
from stream_processors.frame.delivery import Delivery, Source

AT_ONCE = 2_000
PATIENCE_S = 60.0
POLL_MS = 200
# kafka-python 3.0.12 forgets what is left of a half-read answer when its partition is paused and another's answer
# is read to its end meanwhile: the partition is never fetched again. So a poll takes whole answers.
ALL_THERE_IS = 2**31


class Logged(NamedTuple):
    """A message and when it counts as logged, Unix milliseconds."""

    at: int
    source: Source
    offset: int
    message: ConsumerRecord

    @property
    def deliveries(self) -> list[Delivery]:
        """The records in it; what can't be decoded was counted when it was first read."""
        logged_at = from_unix_ms(self.message.timestamp)
        verdicts = decode_elements(self.source.topic, self.message.value, self.message.headers or (), logged_at)
        return [Delivery(self.source, self.offset, logged_at, v) for v in verdicts if not isinstance(v, BadElement)]


class Log:
    """The messages that some topics hold when this is made. Used from one thread; close it.

    Attributes:
        ends: Offset behind the last message of each partition.

    Raises:
        BrokerDown: Nobody answers when it is made; later, nobody has for PATIENCE_S.
        TopicMissing: The broker lacks one of the topics.
    """

    def __init__(self, settings: Settings, topics: Sequence[Topic]) -> None:
        self._reader = open_consumer(settings, max_poll_records=ALL_THERE_IS)
        partitions = [TopicPartition(topic.name, number) for topic in topics for number in self._numbers(topic)]
        self.ends = {Source(*partition): end for partition, end in log_ends(self._reader, partitions).items()}
        self._first = {Source(*tp): at for tp, at in self._reader.beginning_offsets(partitions).items()}
        self._queues: dict[Source, deque[ConsumerRecord]] = {}
        self._address = settings.kafka
        self._silent_since: float | None = None

    @property
    def whole(self) -> bool:
        """Whether nothing of it has been deleted yet."""
        return not any(self._first.values())

    @property
    def sources(self) -> frozenset[Source]:
        """All partitions."""
        return frozenset(self.ends)

    def begins_at(self) -> int | None:
        """Return when the log begins: its first message's time, or, where messages were deleted, the time from
        which all partitions still have theirs. None for an empty log."""
        times = [
            (at, self._first[source] > 0) for source in self.sources if (at := self._first_time(source)) is not None
        ]
        cut = [at for at, is_cut in times if is_cut]
        return max(cut) if cut else min((at for at, _ in times), default=None)

    def since(self, start: int) -> Iterator[Logged]:
        """Yield what was logged at or after `start`, in the order of log time."""
        sought = self._sought(start)
        self._queues = {source: deque() for source in sought}
        self._assign(sought)
        yield from heapq.merge(*(self._of(source, start) for source in sorted(sought)))

    def close(self) -> None:
        """Disconnect."""
        self._reader.close(autocommit=False, timeout_ms=2_000)

    def _numbers(self, topic: Topic) -> list[int]:
        found = self._reader.partitions_for_topic(topic.name)
        if not found:
            self.close()
            raise TopicMissing(topic.name)
        return sorted(found)

    def _first_time(self, source: Source) -> int | None:
        if self._first[source] >= self.ends[source]:
            return None
        self._queues = {source: deque()}
        self._assign({source: self._first[source]})
        while not self._queues[source]:
            self._poll()
        time: int = self._queues[source][0].timestamp
        return time

    def _sought(self, start: int) -> dict[Source, int]:
        found = self._reader.offsets_for_times({TopicPartition(*source): start for source in self.sources})
        offsets = {Source(*partition): at.offset for partition, at in found.items() if at is not None}
        return {source: offset for source, offset in offsets.items() if offset < self.ends[source]}

    def _assign(self, offsets: dict[Source, int]) -> None:
        self._reader.assign([TopicPartition(*source) for source in offsets])
        for source, offset in offsets.items():
            self._reader.seek(TopicPartition(*source), offset)

    def _of(self, source: Source, start: int) -> Iterator[Logged]:
        at, queue, end = start, self._queues[source], self.ends[source]
        while True:
            while not queue and self._reader.position(TopicPartition(*source)) < end:
                self._poll()
            if not queue or queue[0].offset >= end:
                return
            message = queue.popleft()
            at = max(at, message.timestamp)
            yield Logged(at, source, message.offset, message)

    def _poll(self) -> None:
        """Fetch some more, of which there must be some, but nothing for partitions of which enough waits."""
        for source, queue in self._queues.items():
            partition = TopicPartition(*source)
            full = len(queue) >= AT_ONCE or self._reader.position(partition) >= self.ends[source]
            (self._reader.pause if full else self._reader.resume)(partition)
        fetched = self._reader.poll(timeout_ms=POLL_MS)
        for partition, messages in fetched.items():
            self._queues[Source(*partition)] += messages
        self._silent_since = None if fetched else self._silent_since or time.monotonic()
        if self._silent_since and time.monotonic() - self._silent_since > PATIENCE_S:
            raise BrokerDown(self._address)


def opened(settings: Settings, topics: Sequence[Topic]) -> closing[Log]:
    """Return the log in a context that closes it."""
    return closing(Log(settings, topics))
