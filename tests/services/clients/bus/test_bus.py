"""Producer, consumer, tail and topics against a real broker."""

import gc
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest
from kafka.partitioner.default import murmur2

from schemas.settings import Settings
from schemas.topics import TOPICS
from services.clients.bus.connection import open_admin
from services.clients.bus.consumer import Consumer
from services.clients.bus.errors import BrokerDown, BufferFull, TopicMissing, Undelivered
from services.clients.bus.producer import MAX_BUFFERED_BYTES, Producer
from services.clients.bus.tail import Tail
from services.clients.bus.topics import Lag, consumer_lag, create_topics, topic_ids
from tests.fixtures.broker import Broker
from tests.fixtures.kafka import KafkaNode
from tests.fixtures.ports import free_port
from tests.fixtures.waiting import until
from tests.services.clients.bus.traffic import gather, make_anew

# kafka-python leaves the sockets of refused connections to the garbage collector.
pytestmark = [pytest.mark.broker, pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")]

REQUESTED = "inference.requested.v1"


@pytest.fixture(autouse=True)
def _sockets_are_collected() -> Iterator[None]:
    yield
    gc.collect()


def send(settings: Settings, topic: str, count: int, prefix: str = "m") -> None:
    with closing(Producer(settings, "test")) as producer:
        for index in range(count):
            producer.send_raw(topic, f"{prefix}-{index}".encode(), key=f"k{index}".encode())
        producer.flush()


def test_topics_are_created_once_and_keep_their_ids(broker: Broker) -> None:
    ids = topic_ids(broker.settings)
    create_topics(broker.settings)
    assert topic_ids(broker.settings) == ids
    assert set(ids) == {name for topic in TOPICS for name in (topic.name, topic.dead_letter)}
    assert len(set(ids.values())) == len(ids)


def test_a_topic_of_the_wrong_number_of_partitions_is_made_anew_on_the_light_broker(light: Broker) -> None:
    assert _partitions_after_creation_over_four(light.settings) == 1


def test_an_operators_number_of_partitions_is_left_alone_on_kafka() -> None:
    kafka = KafkaNode()
    kafka.start()
    try:
        assert _partitions_after_creation_over_four(kafka.settings) == 4
    finally:
        kafka.stop()


def _partitions_after_creation_over_four(settings: Settings) -> int:
    """Make a topic with four partitions in place of one, let ours be created, return how many it has then."""
    with closing(open_admin(settings)) as admin:
        admin.delete_topics(["rollouts.ordered.v1"])
        while "rollouts.ordered.v1" in topic_ids(settings):
            time.sleep(0.05)
        admin.create_topics({"rollouts.ordered.v1": {"num_partitions": 4, "replication_factor": 1}})
        create_topics(settings)
        # Kafka tells of a new topic a moment later, and of none of its partitions until then.
        (described,) = until(
            lambda: admin.describe_topics(["rollouts.ordered.v1"]), lambda found: found and found[0]["partitions"]
        )
    return len(described["partitions"])


def test_asking_for_a_missing_topic_does_not_make_it(broker: Broker) -> None:
    with pytest.raises(TopicMissing, match=r"nobody\.made\.v1"):
        Tail(broker.settings, ["nobody.made.v1"])
    with closing(Producer(broker.settings, "test")) as producer, pytest.raises(BrokerDown):
        producer.send_raw("nobody.made.v1", b"x")
    assert "nobody.made.v1" not in topic_ids(broker.settings)


def test_messages_arrive_whole_in_order_and_in_the_partition_of_their_key(broker: Broker) -> None:
    began = time.time()
    with closing(Producer(broker.settings, "test")) as producer:
        for index in range(200):
            producer.send_raw("scores.recorded.v2", b"%d" % index, key=b"k%d" % (index % 7), headers=[("h", b"\xff")])
        producer.flush()
        assert producer.buffered_bytes == 0
    with closing(Tail(broker.settings, ["scores.recorded.v2"])) as tail:
        got = gather(tail.poll, lambda got: len(got) >= 200)
        assert tail.caught_up
    ids = topic_ids(broker.settings)
    for message in got:
        assert message.key is not None
        assert message.partition == (murmur2(message.key) & 0x7FFFFFFF) % 2
        assert message.headers == (("h", b"\xff"),)
        assert message.topic_id == ids["scores.recorded.v2"]
        assert began - 1 < message.logged_at.timestamp() < time.time() + 1
    for partition in (0, 1):
        in_order = [(m.offset, int(m.value or b"")) for m in got if m.partition == partition]
        assert in_order == sorted(in_order)


def test_a_group_goes_on_where_it_committed_and_its_lag_is_told_exactly(broker: Broker) -> None:
    send(broker.settings, REQUESTED, 300)
    with closing(Consumer(broker.settings, "g1", [REQUESTED])) as first:
        gather(first.poll, lambda got: len(got) >= 300)
        assert first.assigned
        assert first.lag() == 0
        first.commit()
    send(broker.settings, REQUESTED, 123, "later")
    lags = [lag for lag in consumer_lag(broker.settings) if lag.group == "g1"]
    assert sum(lag.lag for lag in lags) == 123
    assert {type(lag) for lag in lags} == {Lag}
    with closing(Consumer(broker.settings, "g1", [REQUESTED])) as second:
        got = gather(second.poll, lambda got: len(got) >= 123)
    assert {(m.value or b"").split(b"-")[0] for m in got} == {b"later"}


def test_what_was_polled_but_not_committed_comes_again(broker: Broker) -> None:
    send(broker.settings, "alerts.changed.v1", 20)
    for _ in range(2):
        with closing(Consumer(broker.settings, "g2", ["alerts.changed.v1"])) as consumer:
            gather(consumer.poll, lambda got: len(got) >= 20)


def test_rewinding_asks_for_the_starts_again(broker: Broker) -> None:
    send(broker.settings, "drift.measured.v1", 20)
    with closing(
        Consumer(broker.settings, "g3", ["drift.measured.v1"], starts=lambda held: [0 for _ in held])
    ) as consumer:
        gather(consumer.poll, lambda got: len(got) >= 20)
        epoch = consumer.epoch
        consumer.rewind()
        assert consumer.epoch > epoch
        assert not consumer.assigned
        again = gather(consumer.poll, lambda got: len(got) >= 20)
    assert len(again) == 20


def test_nothing_is_read_while_the_starts_cannot_be_told(broker: Broker) -> None:
    send(broker.settings, "alerts.delivered.v1", 5)
    trouble = [TimeoutError("not yet")] * 3

    def starts(held: object) -> list[int | None]:
        if trouble:
            raise trouble.pop()
        return [3]

    with closing(Consumer(broker.settings, "g4", ["alerts.delivered.v1"], starts=starts)) as consumer:
        while trouble:
            with suppress(TimeoutError):
                assert consumer.poll(0.2) == []
        got = gather(consumer.poll, lambda got: len(got) >= 2)
    assert [message.offset for message in got] == [3, 4]


def test_a_re_created_topic_is_read_from_its_beginning(broker: Broker) -> None:
    topic = "training.changed.v1"
    send(broker.settings, topic, 50, "old")
    with closing(Consumer(broker.settings, "g5", [topic])) as consumer, closing(Tail(broker.settings, [topic])) as tail:
        gather(consumer.poll, lambda got: len(got) >= 50)
        gather(tail.poll, lambda got: len(got) >= 50)
        consumer.commit()
        new = make_anew(broker.settings, topic)
        send(broker.settings, topic, 80, "new")
        for poll in (consumer.poll, tail.poll):
            got = gather(poll, lambda got: len({m.offset for m in got if m.topic_id == new}) >= 80)
            assert {m.value for m in got if m.topic_id == new} == {f"new-{index}".encode() for index in range(80)}


def test_consumers_outlive_a_restart_of_the_broker() -> None:
    broker = Broker()
    broker.start()
    try:
        send(broker.settings, REQUESTED, 100, "old")
        with (
            closing(Consumer(broker.settings, "g6", [REQUESTED])) as consumer,
            closing(Tail(broker.settings, [REQUESTED])) as tail,
            closing(Producer(broker.settings, "test")) as producer,
        ):
            gather(consumer.poll, lambda got: len(got) >= 100)
            gather(tail.poll, lambda got: len(got) >= 100)
            consumer.commit()
            producer.send_raw(REQUESTED, b"before")
            producer.flush()
            broker.stop()
            assert tail.poll(0.2) == []
            broker.start()
            new = topic_ids(broker.settings)[REQUESTED]
            for index in range(200):
                producer.send_raw(REQUESTED, f"new-{index}".encode(), key=b"k%d" % index)
            producer.flush()
            for poll in (tail.poll, consumer.poll):
                got = gather(poll, lambda got: len({m.value for m in got if m.topic_id == new}) >= 200)
                assert max(Counter((m.topic_id, m.partition, m.offset) for m in got).values()) <= 2
    finally:
        broker.stop()


def test_nobody_at_the_address_is_told_as_such() -> None:
    nowhere = Settings.from_environment({"DRIFTLOOP_KAFKA": f"127.0.0.1:{free_port()}"})
    with pytest.raises(BrokerDown, match="no broker answers"):
        topic_ids(nowhere)
    with closing(Producer(nowhere, "test")) as producer, pytest.raises(BrokerDown):
        producer.send_raw(REQUESTED, b"x")


def test_a_full_buffer_refuses_and_says_when_to_try_again() -> None:
    broker = Broker()
    broker.start()
    with closing(Producer(broker.settings, "test")) as producer:
        producer.send_raw(REQUESTED, b"x")
        producer.flush()
        broker.stop()
        megabyte = bytes(2**20 - 200)
        for _ in range(MAX_BUFFERED_BYTES // 2**20):
            producer.send_raw(REQUESTED, megabyte)
        with pytest.raises(BufferFull) as caught:
            producer.send_raw(REQUESTED, b"x")
        assert caught.value.retry_after > 0
        assert producer.buffered_bytes <= MAX_BUFFERED_BYTES
        with pytest.raises(Undelivered):
            producer.flush(timeout_s=0.5)
