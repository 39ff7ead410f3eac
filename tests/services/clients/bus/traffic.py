"""Traffic of the bus tests: what they send, how long they wait for it, what they ask about it."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial

from schemas.feedback import FeedbackGiven
from schemas.settings import Settings
from schemas.topics import Topic
from services.clients.bus.connection import open_admin
from services.clients.bus.consumer import Consumer
from services.clients.bus.errors import BrokerDown, Undelivered
from services.clients.bus.message import Message
from services.clients.bus.producer import Producer
from services.clients.bus.tail import Tail
from services.clients.bus.topics import consumer_lag, create_topics, topic_ids
from tests.fixtures.broker import Broker
from tests.fixtures.kafka import KafkaNode
from tests.fixtures.waiting import PATIENCE_S, until


def created(settings: Settings, name: str, *, after: str = "") -> str:
    """Create a topic and return its name once the broker tells of it, under another id than that of `after`."""

    def now() -> str:
        create_topics(settings, [Topic(name, FeedbackGiven, "request_id", 2)])
        return topic_ids(settings).get(name, "")

    until(now, lambda new: new not in ("", after))
    return name


def make_anew(settings: Settings, name: str) -> str:
    """Delete a topic of the catalogue and create it again; return its new id. A broker deletes in its own time."""
    old = topic_ids(settings)[name]
    with closing(open_admin(settings)) as admin:
        admin.delete_topics([name])

    def now() -> str:
        create_topics(settings)
        return topic_ids(settings).get(name, "")

    return until(now, lambda new: new not in ("", old))


def send(settings: Settings, topic: str, values: range) -> None:
    with closing(Producer(settings, "test")) as producer:
        put(producer, topic, values)
        producer.flush()


def put(producer: Producer, topic: str, values: range) -> None:
    for value in values:
        producer.send_raw(topic, b"%d" % value, key=b"k%d" % (value % 17), headers=[("n", b"%d\xff" % value)])


def insist(producer: Producer, topic: str, values: range) -> None:
    """Put as a process does: what is not taken while the broker is away is offered again."""
    for value in values:
        until(partial(taken_by, producer, topic, value))


def taken_by(producer: Producer, topic: str, value: int) -> bool:
    with suppress(BrokerDown):
        put(producer, topic, range(value, value + 1))
        return True
    return False


def gather(
    poll: Callable[[float], list[Message]], enough: Callable[[list[Message]], bool], *, poll_s: float = 0.2
) -> list[Message]:
    got: list[Message] = []

    def more() -> int:
        if not enough(got):
            got.extend(poll(poll_s))
        return len(got)

    until(more, lambda _: enough(got), every_s=0)
    return got


def read(settings: Settings, topic: str, count: int) -> list[Message]:
    """Return all of a topic that holds `count` messages or more, and what comes within a second after them."""
    with closing(Tail(settings, [topic])) as tail:
        got = gather(tail.poll, lambda got: len(got) >= count)
        return got + tail.poll(1)


def taken(settings: Settings, topic: str, count: int) -> list[int]:
    """Let the group named like the topic read and commit at least `count` messages; return their numbers."""
    with closing(Consumer(settings, topic, [topic])) as consumer:
        got = gather(consumer.poll, lambda got: len(got) >= count)
        consumer.commit()
        return numbers(got)


def lag_of(settings: Settings, group: str) -> int | None:
    """Return a group's lag over all partitions, None while the broker does not know the group."""
    try:
        lags = [lag.lag for lag in consumer_lag(settings) if lag.group == group]
    except BrokerDown:
        return None
    return sum(lags) if lags else None


def numbers(messages: list[Message]) -> list[int]:
    return [int(message.value or b"-1") for message in messages]


class Member:
    """A group member in a process of its own."""

    def __init__(self, bus: Broker | KafkaNode, topic: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.services.clients.bus.member", topic, topic],
            env={**os.environ, **bus.environment},
            stdout=subprocess.PIPE,
            text=True,
        )

    def await_holding(self) -> None:
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "holds\n"

    def kill(self) -> None:
        with self._process as process:
            process.send_signal(signal.SIGKILL)


def settled(producer: Producer) -> int:
    """Return how many messages were not delivered; a failed test must not hold a client in its frames."""
    try:
        producer.flush(PATIENCE_S)
    except Undelivered as error:
        return error.count
    return 0


def everything(settings: Settings, topic: str) -> list[Message]:
    with closing(Tail(settings, [topic])) as tail:
        return gather(tail.poll, lambda _: tail.caught_up)
