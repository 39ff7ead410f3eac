"""Whether a consumer group has dealt with all that its partitions hold: asked by those who build on its results."""

import threading
from collections.abc import Collection

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from schemas.settings import Settings
from services.clients.bus.connection import open_consumer
from services.clients.bus.errors import BrokerDown
from services.clients.bus.positions import log_ends

_ANSWER_MS = 1_000


class GroupProgress:
    """Asks the broker, not the group: a group whose members are all gone, or stopped, is behind.

    Connects when first asked. Safe to share between threads.
    """

    def __init__(self, settings: Settings, group: str) -> None:
        self._settings = settings
        self._group = group
        self._lock = threading.Lock()
        self._client: KafkaConsumer | None = None

    def caught_up(self, partitions: Collection[tuple[str, int]]) -> frozenset[tuple[str, int]]:
        """Return those of some partitions that the group has committed to their end, and those that are empty.

        None of them while the broker can't be asked.
        """
        asked = [TopicPartition(*partition) for partition in partitions]
        with self._lock:
            try:
                self._client = self._client or self._opened()
                # Ends first: a commit that reaches one has dealt with all that was logged before the question.
                self._client.unsubscribe()  # or it would tell what it was told the last time
                ends = log_ends(self._client, asked)
                done = {tp: self._client.committed(tp, timeout_ms=_ANSWER_MS) or 0 for tp in asked}
            except (KafkaError, BrokerDown):
                return frozenset()
        return frozenset((tp.topic, tp.partition) for tp in ends if done[tp] >= ends[tp])

    def close(self) -> None:
        """Disconnect, if connected."""
        with self._lock:
            if self._client is not None:
                self._client.close(autocommit=False, timeout_ms=_ANSWER_MS)
                self._client = None

    def _opened(self) -> KafkaConsumer:
        """Return a client without fetch sessions: in one the broker tells of nothing that it has told before."""
        return open_consumer(self._settings, group_id=self._group, enable_incremental_fetch_sessions=False)
