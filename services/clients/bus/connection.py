"""How every client reaches the broker: address and tuning of its kind, nothing else."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import KafkaConnectionError, KafkaTimeoutError, MetadataEmptyBrokerList

from schemas.settings import Settings
from services.clients.bus.errors import BrokerDown
from services.clients.bus.stamping import stamp_when_sent

FETCH_WAIT_MS = 100
FETCH_BYTES = 4 * 1024 * 1024  # of one partition at once

# A broker that starts, or that its controller has lost sight of, answers that there are no brokers.
UNREACHABLE = (KafkaConnectionError, KafkaTimeoutError, MetadataEmptyBrokerList)


def client_options(settings: Settings) -> dict[str, Any]:
    """Return what producers, consumers and admin clients of this deployment share.

    Reconnects back off to one second only: after a broker restart everyone is back within a few.
    Metadata ages quickly, because a re-created topic is noticed by its new id in the metadata.
    """
    return {
        "bootstrap_servers": settings.kafka.split(","),
        "bootstrap_timeout_ms": 5_000,
        "reconnect_backoff_max_ms": 1_000,
        "metadata_max_age_ms": 2_000 if settings.broker == "light" else 5_000,
    }


def group_options(settings: Settings) -> dict[str, Any]:
    """Return the timing of group membership.

    A killed member's work stands still for a session: ten seconds, where the library waits for 45.
    The light broker answers a join after half the session timeout, so sessions are shorter there.
    """
    if settings.broker == "kafka":
        return {"session_timeout_ms": 10_000, "heartbeat_interval_ms": 3_000}
    return {"session_timeout_ms": 6_000, "heartbeat_interval_ms": 1_500}


def join_patience_s(settings: Settings) -> float:
    """Return for how long a member waits to be in its group before it starts over.

    A real broker answers within what its slowest member takes between polls.
    """
    return 12.0 if settings.broker == "light" else 600.0


def producer_options(settings: Settings) -> dict[str, Any]:
    """Return what makes sending safe on this kind of broker.

    The light broker forgets producer ids when it restarts and then refuses an idempotent
    producer for ever; there one request in flight keeps the order, and readers drop repeated ids.
    """
    if settings.broker == "kafka":
        return {"acks": "all", "enable_idempotence": True}
    return {"acks": "all", "enable_idempotence": False, "max_in_flight_requests_per_connection": 1}


def open_admin(settings: Settings) -> KafkaAdminClient:
    """Return an admin client; close it.

    Raises:
        BrokerDown: Nobody answers within five seconds. So do the other two.
    """
    with reachable(settings):
        return KafkaAdminClient(**client_options(settings))


def open_consumer(settings: Settings, **options: Any) -> KafkaConsumer:
    """Return a consumer that commits nothing by itself and waits briefly for data; close it.

    One fetch is under way at a time, and it asks for the partitions whose last answer is used up; where those are
    the silent ones, the others wait for it to end. So the wait is short and an answer may hold much.
    """
    fixed = {
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
        "fetch_max_wait_ms": FETCH_WAIT_MS,
        "max_partition_fetch_bytes": FETCH_BYTES,
    }
    with reachable(settings):
        consumer = KafkaConsumer(**client_options(settings), metrics_enabled=False, **(fixed | options))
    _create_nothing_by_asking(consumer._cluster)
    return consumer


def open_producer(settings: Settings, **options: Any) -> KafkaProducer:
    """Return a producer; close it."""
    shared = {**client_options(settings), **producer_options(settings)}
    with reachable(settings):
        producer = KafkaProducer(**shared, metrics_enabled=False, **options)
    _create_nothing_by_asking(producer._metadata)
    if settings.broker == "light":
        stamp_when_sent(producer)
    return producer


def _create_nothing_by_asking(metadata: Any) -> None:
    """Keep a client from making a missing topic, with the broker's number of partitions, by asking for it.

    kafka-python 3.0.12 has the option on its clients but does not hand it to their metadata.
    """
    metadata.config["allow_auto_create_topics"] = False


@contextmanager
def reachable(settings: Settings) -> Iterator[None]:
    """Make BrokerDown of what the client raises when nobody answers."""
    if not any(_answers(address) for address in settings.kafka.split(",")):
        raise BrokerDown(settings.kafka)
    try:
        yield
    except UNREACHABLE as error:
        raise BrokerDown(settings.kafka) from error


def _answers(address: str) -> bool:
    """Ask before a client is made: one that cannot bootstrap leaves its thread and sockets behind."""
    host, _, port = address.strip().rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=2):
            return True
    except OSError:
        return False
