"""What the bus client promises, one suite over both brokers: Apache Kafka and the light one."""

import gc
import logging
import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing

import pytest
from kafka.partitioner.default import murmur2

from services.clients.bus.connection import open_admin
from services.clients.bus.consumer import Consumer
from services.clients.bus.errors import BrokerDown, Undelivered
from services.clients.bus.message import Message
from services.clients.bus.producer import Producer
from services.clients.bus.tail import Tail
from services.clients.bus.topics import topic_ids
from tests.fixtures.broker import Broker
from tests.fixtures.kafka import KafkaNode
from tests.services.clients.bus.traffic import (
    Member,
    created,
    everything,
    gather,
    insist,
    lag_of,
    numbers,
    put,
    read,
    send,
    settled,
    taken,
)

# kafka-python leaves the sockets of refused connections to the garbage collector.
pytestmark = [pytest.mark.broker, pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")]

OUTLIVES_A_RESTART = {
    "test_what_is_sent_while_the_broker_is_away_arrives_behind_what_it_had",
    "test_nothing_is_lost_or_doubled_when_the_broker_is_killed_under_load",
    "test_a_group_resumes_from_its_commit_after_a_restart_of_the_broker",
}
"""What the light broker does not promise: it keeps its log in memory, so that a restart is an empty broker."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Put each promise to every broker that makes it."""
    kinds = ["light"] if os.environ.get("DRIFTLOOP_BROKER") == "light" else ["kafka", "light"]
    promised = [kind for kind in kinds if kind == "kafka" or metafunc.function.__name__ not in OUTLIVES_A_RESTART]
    metafunc.parametrize("running", promised, indirect=True, scope="module")


@pytest.fixture(scope="module")
def running(request: pytest.FixtureRequest) -> Iterator[Broker | KafkaNode]:
    broker = KafkaNode() if request.param == "kafka" else Broker()
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def bus(running: Broker | KafkaNode, caplog: pytest.LogCaptureFixture) -> Iterator[Broker | KafkaNode]:
    """The broker that the promise is put to."""
    caplog.set_level(logging.CRITICAL, "kafka")  # a captured record would keep the socket that it tells of
    yield running
    gc.collect()


@pytest.fixture
def topic(bus: Broker | KafkaNode, request: pytest.FixtureRequest) -> str:
    """A topic of the test's own, of two partitions."""
    return created(bus.settings, f"conformance.{request.node.originalname[5:40]}.v1".replace("_", "-"))


def test_order_is_kept_within_a_partition(bus: Broker | KafkaNode, topic: str) -> None:
    send(bus.settings, topic, range(2_000))
    got = read(bus.settings, topic, 2_000)
    assert sorted(numbers(got)) == list(range(2_000))
    for partition in (0, 1):
        held = [message for message in got if message.partition == partition]
        assert numbers(held) == sorted(numbers(held))
        assert [message.offset for message in held] == list(range(len(held)))


def test_a_key_goes_to_its_murmur2_partition_and_headers_are_kept(bus: Broker | KafkaNode, topic: str) -> None:
    send(bus.settings, topic, range(50))
    for message in read(bus.settings, topic, 50):
        assert message.key is not None
        assert message.partition == (murmur2(message.key) & 0x7FFFFFFF) % 2
        assert message.headers == (("n", (message.value or b"") + b"\xff"),)
        assert abs(message.logged_at.timestamp() - time.time()) < 60


def test_a_topics_id_is_stable_and_new_after_it_is_made_anew(bus: Broker | KafkaNode, topic: str) -> None:
    first = topic_ids(bus.settings)
    assert topic_ids(bus.settings) == first
    assert len(set(first.values())) == len(first)
    send(bus.settings, topic, range(5))
    with closing(open_admin(bus.settings)) as admin:
        admin.delete_topics([topic])
    created(bus.settings, topic, after=first[topic])
    second = topic_ids(bus.settings)
    assert second[topic] not in {first[topic], ""}
    assert {name: second[name] for name in first if name != topic} == {n: first[n] for n in first if n != topic}
    send(bus.settings, topic, range(100, 103))
    got = read(bus.settings, topic, 3)
    assert sorted(numbers(got)) == [100, 101, 102]
    assert {message.topic_id for message in got} == {second[topic]}


def test_a_group_resumes_from_its_commit(bus: Broker | KafkaNode, topic: str) -> None:
    send(bus.settings, topic, range(100))
    with closing(Consumer(bus.settings, topic, [topic])) as first:
        gather(first.poll, lambda got: len(got) >= 100)
        first.commit()
        send(bus.settings, topic, range(100, 150))
        gather(first.poll, lambda got: len(got) >= 50)
    with closing(Consumer(bus.settings, topic, [topic])) as second:
        got = gather(second.poll, lambda got: len(got) >= 50)
    assert sorted(numbers(got)) == list(range(100, 150))


def test_members_that_poll_briefly_do_not_join_over_and_over(
    bus: Broker | KafkaNode, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    send(bus.settings, topic, range(20))
    with caplog.at_level(logging.INFO, "kafka.coordinator"):
        for number in range(3):
            with closing(Consumer(bus.settings, f"{topic}-{number}", [topic])) as consumer:
                assert len(gather(consumer.poll, lambda got: len(got) >= 20, poll_s=0.0)) == 20
    joins = [message for message in caplog.messages if message.startswith("(Re-)joining")]
    assert len(joins) <= 30, joins  # two a member, others where metadata change meanwhile, never one with every poll


def test_lag_is_exact_though_the_last_batch_is_large(bus: Broker | KafkaNode, topic: str) -> None:
    send(bus.settings, topic, range(10))
    with closing(Consumer(bus.settings, topic, [topic])) as consumer:
        gather(consumer.poll, lambda got: len(got) >= 10)
        consumer.commit()
        send(bus.settings, topic, range(10, 793))
        assert lag_of(bus.settings, topic) == 783
        gather(consumer.poll, lambda got: len(got) >= 783)
        consumer.commit()
        assert consumer.lag() == 0
    assert lag_of(bus.settings, topic) == 0


def test_a_tail_reads_from_the_beginning_and_follows(bus: Broker | KafkaNode, topic: str) -> None:
    send(bus.settings, topic, range(300))
    with closing(Tail(bus.settings, [topic])) as tail:
        first = gather(tail.poll, lambda got: len(got) >= 300)
        assert tail.caught_up
        send(bus.settings, topic, range(300, 320))
        later = gather(tail.poll, lambda got: len(got) >= 20)
    assert sorted(numbers(first)) == list(range(300))
    assert sorted(numbers(later)) == list(range(300, 320))


def test_a_tail_from_the_end_passes_over_what_was_there(bus: Broker | KafkaNode, topic: str) -> None:
    with closing(Producer(bus.settings, "test")) as producer:
        for value in range(40):  # each a batch of its own: the light broker calls the last one's base the end
            put(producer, topic, range(value, value + 1))
            producer.flush()
    with closing(Tail(bus.settings, [topic], from_end=True)) as tail:
        while not tail.caught_up:
            assert tail.poll(0.3) == []
        send(bus.settings, topic, range(300, 320))
        later = gather(tail.poll, lambda got: len(got) >= 20)
    assert sorted(numbers(later)) == list(range(300, 320))


def test_a_message_of_seven_megabytes_passes_whole(bus: Broker | KafkaNode, topic: str) -> None:
    large = os.urandom(1024) * 7 * 1024
    with closing(Producer(bus.settings, "test")) as producer:
        producer.send_raw(topic, large, key=b"k")
        producer.send_raw(topic, b"behind", key=b"k")
        producer.flush()
    with closing(Consumer(bus.settings, topic, [topic])) as consumer:
        got = gather(consumer.poll, lambda got: len(got) >= 2)
    assert [message.value for message in got] == [large, b"behind"]


@pytest.mark.timeout(180)
def test_two_members_share_and_one_takes_over_when_the_other_is_killed(bus: Broker | KafkaNode, topic: str) -> None:
    member = Member(bus, topic)
    try:
        member.await_holding()
        with closing(Consumer(bus.settings, topic, [topic])) as survivor:
            shared: list[Message] = []
            number = 0
            while not shared:  # what it reads while the other lives is of one partition alone
                send(bus.settings, topic, range(number, number + 17))
                number += 17
                shared += survivor.poll(1)
            assert survivor.assigned
            assert len({message.partition for message in shared}) == 1
            survivor.commit()
            member.kill()
            send(bus.settings, topic, range(10_000, 10_017))
            got = gather(survivor.poll, lambda got: set(numbers(got)) >= set(range(10_000, 10_017)))
            assert {message.partition for message in got} == {0, 1}
    finally:
        member.kill()


def test_a_broker_that_is_away_is_told_by_type(bus: Broker | KafkaNode, topic: str) -> None:
    with closing(Producer(bus.settings, "test")) as producer, closing(Producer(bus.settings, "late")) as late:
        put(producer, topic, range(1))
        producer.flush()
        bus.stop()
        try:
            put(producer, topic, range(1, 4))
            with pytest.raises(Undelivered) as caught:
                producer.flush(timeout_s=1)
            assert caught.value.count == 3
            with pytest.raises(BrokerDown):
                put(late, topic, range(1))
            with pytest.raises(BrokerDown):
                topic_ids(bus.settings)
        finally:
            bus.start()


def test_what_is_sent_while_the_broker_is_away_arrives_behind_what_it_had(bus: Broker | KafkaNode, topic: str) -> None:
    assert send_around_an_outage(bus, topic, 200) == 0
    assert sorted(numbers(everything(bus.settings, topic))) == list(range(200))


def test_a_group_resumes_from_its_commit_after_a_restart_of_the_broker(bus: Broker | KafkaNode, topic: str) -> None:
    send(bus.settings, topic, range(50))
    assert sorted(taken(bus.settings, topic, 50)) == list(range(50))
    bus.stop()
    bus.start()
    created(bus.settings, topic)
    send(bus.settings, topic, range(50, 60))
    deadline = time.monotonic() + 10  # a broker answers before it has loaded its groups
    while (behind := lag_of(bus.settings, topic)) is None and time.monotonic() < deadline:
        time.sleep(0.2)
    assert behind == 10
    assert sorted(taken(bus.settings, topic, 10)) == list(range(50, 60))


def test_nothing_is_lost_or_doubled_when_the_broker_is_killed_under_load(bus: Broker | KafkaNode, topic: str) -> None:
    assert send_over_a_kill(bus, topic, 6_000) == 0
    got = everything(bus.settings, topic)
    seen = Counter(numbers(got))
    assert set(range(6_000)) - set(seen) == set()
    assert [number for number, times in seen.items() if times > 1] == []
    for partition in (0, 1):
        in_order = numbers([message for message in got if message.partition == partition])
        assert in_order == sorted(in_order)


def send_over_a_kill(bus: Broker | KafkaNode, topic: str, count: int) -> int:
    """Kill the broker with a third still to come and much in flight; return how many were not delivered."""
    with closing(Producer(bus.settings, "test")) as producer:
        put(producer, topic, range(count * 2 // 3))
        if isinstance(bus, KafkaNode):
            bus.kill()
        else:  # it knows no other end
            bus.stop()
        bus.start()
        created(bus.settings, topic)
        insist(producer, topic, range(count * 2 // 3, count))
        return settled(producer)


def send_around_an_outage(bus: Broker | KafkaNode, topic: str, count: int) -> int:
    """Send half before the broker goes and half while it is away; return how many were not delivered."""
    with closing(Producer(bus.settings, "test")) as producer:
        put(producer, topic, range(count // 2))
        producer.flush()
        bus.stop()
        put(producer, topic, range(count // 2, count))
        bus.start()
        created(bus.settings, topic)
        return settled(producer)
