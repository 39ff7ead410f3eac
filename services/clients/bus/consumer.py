"""Reading as a member of a group: manual commits, own starting offsets, re-created topics noticed."""

import logging
import math
import threading
import time
from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.subscription_state import ConsumerRebalanceListener
from kafka.errors import KafkaError
from kafka.structs import MemberState, OffsetAndMetadata

from schemas.settings import Settings
from services.clients.bus.assignment import Assigned, Starts, committed_starts
from services.clients.bus.connection import group_options, join_patience_s, open_consumer
from services.clients.bus.errors import BrokerDown
from services.clients.bus.message import Message, message_of
from services.clients.bus.positions import topic_id

log = logging.getLogger(__name__)

_REQUEST_MS = 5_000
_JOINING_MS = 200


class Consumer(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python has no types
    """A member of a consumer group. Used from one thread.

    A partition newly held is paused until its start is settled: by `starts`, which by default is the
    group's commit. A commit carries the topic's id, so that of a re-created topic nothing is
    skipped: such a topic is read from its beginning. While the broker is away polls return nothing.

    Raises:
        BrokerDown: Nobody answers when it is made.
    """

    def __init__(
        self,
        settings: Settings,
        group: str,
        topics: Sequence[str],
        *,
        from_start: bool = True,
        starts: Starts = committed_starts,
    ) -> None:
        self._from_start = from_start
        self._starts = starts
        self._lock = threading.Lock()
        self._unsettled: set[TopicPartition] = set()
        self._ids: dict[str, str] = {}
        self._recreated: set[str] = set()
        self._next: dict[TopicPartition, int] = {}
        self._epoch = 0
        self._committed: dict[TopicPartition, int] = {}
        self._joining_since: float | None = None
        self._session_s = group_options(settings)["session_timeout_ms"] / 1000
        self._assigned_at = -math.inf
        self._open = partial(_joined, settings, group, topics, self)
        self._patience_s = join_patience_s(settings)
        self._client = self._open()

    @property
    def assigned(self) -> bool:
        """Whether it holds partitions and reads all of them."""
        return bool(self._client.assignment()) and not self._unsettled

    @property
    def epoch(self) -> int:
        """Grows whenever what poll returned before may be read again, by this member or another.

        Messages polled under an older epoch must not take effect any more.
        """
        return self._epoch

    def holds(self, epoch: int) -> bool:
        """Whether messages polled under an epoch may still take effect.

        Not after a session without a word from the group: while this process was stopped its
        partitions may have become another member's, which only a later poll would tell it.
        """
        heard_at: float = max(self._client._coordinator.heartbeat.last_receive, self._assigned_at)
        return epoch == self._epoch and time.monotonic() - heard_at < self._session_s

    def poll(self, timeout_s: float, max_records: int = 500) -> list[Message]:
        """Return the next messages, in order within each partition; empty after `timeout_s`.

        All of them belong to the epoch that stood before the call. Keeps the group membership alive:
        call at least every few minutes. Waits longer than asked for while joining the group. Raises what
        `starts` raises, and then has returned nothing.
        """
        epoch = self._epoch
        timeout_ms = max(round(timeout_s * 1000), self._least_ms)
        batches = self._client.poll(timeout_ms=timeout_ms, max_records=max_records)
        self._notice_forgotten_join()
        self._notice_stuck()
        self._notice_recreated()
        if self._unsettled:
            self._settle()
        with self._lock:
            if epoch != self._epoch:
                return []  # every partition starts anew, so these will come again
            return [message for tp, records in batches.items() for message in self._take(tp, records)]

    def commit(self) -> None:
        """Commit all that poll has returned. A commit that fails is covered by the next one."""
        with self._lock:
            ahead = {tp: at for tp, at in self._next.items() if self._committed.get(tp) != at}
            offsets = {tp: OffsetAndMetadata(at, self._ids[tp.topic], -1) for tp, at in ahead.items()}
        if not offsets:
            return
        try:
            self._client.commit(offsets, timeout_ms=_REQUEST_MS)
            self._committed.update(ahead)
        except KafkaError as error:
            log.warning("commit of %d partitions failed: %s", len(offsets), type(error).__name__)

    def rewind(self) -> None:
        """Forget what poll returned and ask `starts` again before reading on."""
        with self._lock:
            self._unsettle(self._client.assignment())

    def lag(self) -> int:
        """Return how many messages of its partitions it has not polled, as far as is known."""
        with self._lock:
            held = [(tp, at) for tp, at in self._next.items() if tp in self._client.assignment()]
            ends = [(self._client.highwater(tp), at) for tp, at in held]
        return sum(max(0, end - at) for end, at in ends if end is not None)

    def close(self) -> None:
        """Leave the group and disconnect. Commits nothing."""
        self._client.close(autocommit=False, timeout_ms=2_000)

    def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Called by the client's own thread: what is in hand no longer counts."""
        with self._lock:
            self._epoch += 1
            self._unsettled -= set(revoked)
            self._next.clear()

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Called by the client's own thread, where nothing may block: `poll` settles them."""
        with self._lock:
            self._assigned_at = time.monotonic()
            self._unsettle(assigned)

    @property
    def _least_ms(self) -> int:
        """For how long to poll at least: kafka-python (3.0.12) drops the result of a join that ends between polls."""
        joined = self._client.group_metadata().state is MemberState.STABLE
        return 0 if joined and not self._client._coordinator.need_rejoin() else _JOINING_MS

    def _unsettle(self, partitions: Collection[TopicPartition]) -> None:
        self._epoch += 1
        self._unsettled = set(partitions)
        self._next.clear()
        self._committed.clear()
        self._client.pause(*partitions)

    def _notice_forgotten_join(self) -> None:
        """Ask for another join when kafka-python has dropped the result of one.

        Where new metadata is what asks for a rejoin and poll's time ends between its two steps, the
        library (3.0.12) takes the rejoin for done and waits for nothing: without partitions or heartbeats.
        """
        coordinator = self._client._coordinator
        join = coordinator._join_task
        if join is not None and join.is_done and not coordinator.need_rejoin():
            coordinator.request_rejoin()

    def _notice_stuck(self) -> None:
        """Join anew when joining takes too long: the light broker sometimes never answers a rejoin."""
        now = time.monotonic()
        if self._client.group_metadata().state is MemberState.STABLE:
            self._joining_since = None
            return
        self._joining_since = self._joining_since or now
        if now - self._joining_since < self._patience_s:
            return
        self._joining_since = now
        stuck = self._client
        try:
            self._client = self._open()
        except BrokerDown:
            return
        log.warning("no answer to joining the group for %.0f s; joining anew", self._patience_s)
        stuck.close(autocommit=False, timeout_ms=1_000)
        with self._lock:
            self._epoch += 1
            self._unsettled.clear()
            self._next.clear()

    def _notice_recreated(self) -> None:
        now = {topic: topic_id(self._client, topic) for topic in self._ids}
        changed = {topic for topic, known in self._ids.items() if now[topic] not in ("", known)}
        if changed:
            log.warning("created anew, so read from the beginning: %s", ", ".join(sorted(changed)))
            self._from_start = True
            self._recreated |= changed
            self._ids.update({topic: now[topic] for topic in changed})
            self.rewind()

    def _settle(self) -> None:
        epoch, wanted = self._epoch, sorted(self._unsettled)
        try:
            held = [self._assigned(tp) for tp in wanted]
        except KafkaError as error:
            log.warning("cannot read the group's commits yet: %s", type(error).__name__)
            return
        if not all(partition.topic_id for partition in held):
            return
        starts = self._starts(held)
        with self._lock:
            if epoch != self._epoch:
                return
            for tp, partition, start in zip(wanted, held, starts, strict=True):
                self._ids[tp.topic] = partition.topic_id
                self._seek(tp, start)
            self._unsettled.clear()
            self._recreated.clear()
            self._client.resume(*wanted)

    def _assigned(self, tp: TopicPartition) -> Assigned:
        now = topic_id(self._client, tp.topic)
        commit = self._client.committed(tp, metadata=True, timeout_ms=_REQUEST_MS)
        # The light broker drops a commit's metadata; all brokers drop the commits of a deleted topic.
        same = commit is not None and commit.offset >= 0 and commit.metadata in (None, "", now)
        fresh = tp.topic in self._recreated
        return Assigned(tp.topic, now, tp.partition, commit.offset if same and not fresh else None)

    def _seek(self, tp: TopicPartition, start: int | None) -> None:
        if start is not None:
            self._client.seek(tp, start)
            self._next[tp] = start
        elif self._from_start:
            self._client.seek_to_beginning(tp)
        else:
            self._client.seek_to_end(tp)

    def _take(self, tp: TopicPartition, records: list[Any]) -> list[Message]:
        self._next[tp] = records[-1].offset + 1
        return [message_of(record, self._ids[tp.topic]) for record in records]


def _joined(
    settings: Settings, group: str, topics: Sequence[str], listener: ConsumerRebalanceListener
) -> KafkaConsumer:
    client = open_consumer(settings, **group_options(settings), group_id=group, client_id=group)
    client.subscribe(topics=list(topics), listener=listener)
    return client
