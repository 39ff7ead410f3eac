"""Reading whole topics without a group: for those who keep a topic's latest state in memory."""

import time
from collections.abc import Sequence

from kafka import TopicPartition

from schemas.settings import Settings
from services.clients.bus.connection import FETCH_WAIT_MS, open_consumer, reachable
from services.clients.bus.errors import BusError, TopicMissing
from services.clients.bus.message import Message, message_of
from services.clients.bus.positions import topic_id

_PATIENCE_S = 5.0


class Tail:
    """Every message of some topics from the beginning of their logs, or from their end, then what comes.

    Used from one thread. A topic that is created anew is read from its beginning again.

    Args:
        from_end: Passes over what is there already, but for the last batch of a partition of the light broker.
        wait_ms: How long the broker may wait for news before it says that there are none. Each such answer costs the
            process a millisecond or two; what is new comes at once however long this is, if the topics have one
            partition altogether, and else after this at the latest.

    Raises:
        BrokerDown: Nobody answers when it is made.
        TopicMissing: The broker lacks one of the topics.
    """

    def __init__(
        self, settings: Settings, topics: Sequence[str], *, wait_ms: int = FETCH_WAIT_MS, from_end: bool = False
    ) -> None:
        self._client = open_consumer(settings, fetch_max_wait_ms=wait_ms)
        try:
            with reachable(settings):
                self._client.assign([TopicPartition(topic, p) for topic in topics for p in self._partitions(topic)])
        except BusError:
            self._client.close(autocommit=False, timeout_ms=1_000)
            raise
        (self._client.seek_to_end if from_end else self._client.seek_to_beginning)()
        self._ids = {topic: topic_id(self._client, topic) for topic in topics}
        self._caught_up = False

    @property
    def caught_up(self) -> bool:
        """Whether poll has returned everything that was there when it first reached the end."""
        return self._caught_up

    def poll(self, timeout_s: float, max_records: int = 500) -> list[Message]:
        """Return the next messages, in order within each partition; empty after `timeout_s`."""
        batches = self._client.poll(timeout_ms=round(timeout_s * 1000), max_records=max_records)
        recreated = self._recreated()
        self._caught_up = self._caught_up or all(self._at_end(tp) for tp in self._client.assignment())
        return [
            message_of(record, self._ids[tp.topic])
            for tp, records in batches.items()
            if tp.topic not in recreated
            for record in records
        ]

    def close(self) -> None:
        """Disconnect."""
        self._client.close(autocommit=False, timeout_ms=2_000)

    def _partitions(self, topic: str) -> set[int]:
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            found: set[int] | None = self._client.partitions_for_topic(topic)
            if found:
                return found
            time.sleep(0.1)
        raise TopicMissing(topic)

    def _recreated(self) -> set[str]:
        now = {topic: topic_id(self._client, topic) for topic in self._ids}
        changed = {topic for topic, known in self._ids.items() if now[topic] not in ("", known)}
        for topic in changed:
            self._client.seek_to_beginning(*(tp for tp in self._client.assignment() if tp.topic == topic))
            self._ids[topic] = now[topic]
        return changed

    def _at_end(self, tp: TopicPartition) -> bool:
        end = self._client.highwater(tp)
        return end is not None and (self._client.position(tp, timeout_ms=100) or 0) >= end
