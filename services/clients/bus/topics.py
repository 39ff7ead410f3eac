"""Topics on the broker: made from the catalogue, known by id, and how far their readers are behind."""

from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from kafka import KafkaAdminClient, TopicPartition
from kafka.errors import (
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    NoError,
    NotCoordinatorError,
    TopicAlreadyExistsError,
    for_code,
)

from schemas.settings import Settings
from schemas.topics import TOPICS, Topic
from services.clients.bus.connection import open_admin, open_consumer
from services.clients.bus.errors import BrokerDown
from services.clients.bus.positions import log_ends

MAX_BATCH_BYTES = 8 * 1024 * 1024 + 64 * 1024
"""A producer's largest request and what a batch adds to it; Kafka's own bound is one megabyte."""
COMPACTED_SEGMENT_BYTES = 16 * 1024 * 1024
"""The newest segment is never compacted, and whoever starts reads all of it; Kafka's own bound is a gigabyte."""
_LOADING = (CoordinatorLoadInProgressError, CoordinatorNotAvailableError, NotCoordinatorError)


@dataclass(frozen=True, slots=True)
class Lag:
    """How many messages of a partition a consumer group has not committed."""

    group: str
    topic: str
    partition: int
    lag: int


def create_topics(settings: Settings, topics: Collection[Topic] = TOPICS) -> None:
    """Create the catalogue's topics and their dead-letter topics; existing ones stay as they are.

    Except that the light broker makes a topic when it is asked for one that is missing, with a
    number of partitions of its own: there one of the wrong number is made anew.

    Raises:
        BrokerDown: Nobody answers.
    """
    with closing(open_admin(settings)) as admin:
        existing = {topic["name"]: len(topic["partitions"]) for topic in admin.describe_topics()}
        wanted = {topic.name: topic.partitions for topic in topics} | {topic.dead_letter: 1 for topic in topics}
        compacted = {topic.name for topic in topics if topic.compacted}
        if settings.broker == "light":
            for name in [name for name, partitions in existing.items() if wanted.get(name, partitions) != partitions]:
                # After its restart a client's question made it before we came.
                admin.delete_topics([name])
                del existing[name]
        _create(
            admin,
            {
                name: {"num_partitions": partitions, **_traits(settings, compacted=name in compacted)}
                for name, partitions in wanted.items()
                if name not in existing
            },
        )


def _traits(settings: Settings, *, compacted: bool) -> dict[str, Any]:
    """Return copies and configuration.

    On Kafka: as many copies as its operator's default, room for the largest message that a producer
    takes, and the broker's own clock. A producer's would let times in the log run backwards by as long
    as messages waited for a broker that was away, and windows would close before what belongs to them.
    """
    configs = {"cleanup.policy": "compact", "segment.bytes": str(COMPACTED_SEGMENT_BYTES)} if compacted else {}
    if settings.broker == "kafka":
        configs |= {"max.message.bytes": str(MAX_BATCH_BYTES), "message.timestamp.type": "LogAppendTime"}
        return {"replication_factor": -1, "configs": configs}
    return {"replication_factor": 1, "configs": configs}


def _create(admin: KafkaAdminClient, wanted: dict[str, dict[str, Any]]) -> None:
    """Create topics with one request; one that exists by now was made by another process that starts."""
    if not wanted:
        return
    for topic in admin.create_topics(wanted, raise_errors=False)["topics"]:
        error = for_code(topic["error_code"])
        if error not in (NoError, TopicAlreadyExistsError):
            raise error(topic["name"])


def topic_ids(settings: Settings) -> dict[str, str]:
    """Return the id of every topic by name. A re-created topic has a new id.

    Raises:
        BrokerDown: Nobody answers.
    """
    with closing(open_admin(settings)) as admin:
        return {topic["name"]: str(topic["topic_id"]) for topic in admin.describe_topics()}


def consumer_lag(settings: Settings) -> list[Lag]:
    """Return the lag of every group on every partition it has committed.

    Raises:
        BrokerDown: Nobody answers, or the broker has just started and is still loading its groups.
    """
    with closing(open_admin(settings)) as admin:
        try:
            groups = [group["group_id"] for group in admin.list_groups()]
            committed = {group: admin.list_group_offsets(group)[group] for group in groups}
        except _LOADING as error:
            raise BrokerDown(settings.kafka) from error
    offsets = {(group, tp): at.offset for group, found in committed.items() for tp, at in found.items()}
    ends = _ends(settings, {tp for _, tp in offsets})
    return [
        Lag(group, tp.topic, tp.partition, max(0, ends[tp] - offset))
        for (group, tp), offset in sorted(offsets.items())
        if tp in ends and offset >= 0
    ]


def committed(settings: Settings, group: str) -> dict[tuple[str, int], int]:
    """Return the offset that a group has committed, by topic and partition.

    Raises:
        BrokerDown: Nobody answers, or the broker has just started and is still loading its groups.
    """
    with closing(open_admin(settings)) as admin:
        try:
            found = admin.list_group_offsets(group)[group]
        except _LOADING as error:
            raise BrokerDown(settings.kafka) from error
    return {(tp.topic, tp.partition): at.offset for tp, at in found.items() if at.offset >= 0}


def _ends(settings: Settings, partitions: set[TopicPartition]) -> dict[TopicPartition, int]:
    if not partitions:
        return {}
    with closing(open_consumer(settings)) as reader:
        return log_ends(reader, partitions)
