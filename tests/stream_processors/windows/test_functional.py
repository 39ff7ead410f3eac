"""The functional processors against a real broker: killed, stopped, joined, left, and equal to a batch count."""

import random
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

from schemas.codec import to_unix_ms
from schemas.observations import WindowClosed
from schemas.settings import Settings
from schemas.topics import INFERENCE_RESPONDED, METRICS_WINDOW_CLOSED, key_of
from services.clients.bus.connection import group_options
from services.clients.bus.partitioning import partition_of
from services.clients.bus.producer import Producer
from tests.fixtures.broker import Broker
from tests.fixtures.kafka import KafkaNode
from tests.stream_processors.batch_count import CONFIGURATION, LATENESS, assert_windows_equal_a_batch_count, send_one
from tests.stream_processors.builders import now_ms, responded
from tests.stream_processors.workers import pair, records, working

pytestmark = [pytest.mark.broker, pytest.mark.timeout(240)]


def test_windows_after_two_kills_under_load_equal_a_batch_count_over_the_log(
    empty: Broker | KafkaNode, tmp_path: Path
) -> None:
    chance = random.Random(11)
    with working("functional", empty, folder=tmp_path, configuration=CONFIGURATION) as worker:
        with traffic(empty.settings, random.Random(12)):
            for _ in range(2):
                worker.await_ready()
                time.sleep(chance.uniform(3, 5))  # long enough for commits
                worker.kill()
                worker.start()
            worker.await_ready()
            time.sleep(2)
        assert_windows_equal_a_batch_count(empty.settings)
        assert worker.stop() == 0


def test_windows_of_two_workers_over_joins_a_stop_and_a_kill_equal_a_batch_count(
    empty: Broker | KafkaNode, tmp_path: Path
) -> None:
    with pair("functional", empty, folder=tmp_path, configuration=CONFIGURATION) as (first, second):
        first.start()
        with traffic(empty.settings, random.Random(13)):
            first.await_ready()
            second.start()
            second.await_ready()
            first.pause()
            time.sleep(1.5 * group_options(empty.settings)["session_timeout_ms"] / 1000)
            first.go_on()
            time.sleep(2)
            second.kill()
            second.start()
            second.await_ready()
            assert first.stop() == 0
            time.sleep(2)
        assert_windows_equal_a_batch_count(empty.settings)
        assert second.stop() == 0


def test_a_partition_that_falls_silent_does_not_hold_its_windows_open(
    broker: Broker | KafkaNode, tmp_path: Path
) -> None:
    silent, busy = (next(n for n in range(99) if placed(n) == partition) for partition in (0, 1))
    with working("functional", broker, folder=tmp_path, configuration=CONFIGURATION) as worker:
        worker.await_ready()
        with closing(Producer(broker.settings, "traffic")) as producer:
            sent = now_ms()
            producer.send(responded(silent, at=sent))
            deadline = time.monotonic() + 30
            while not closed(broker.settings, partition=0) and time.monotonic() < deadline:
                producer.send(responded(busy, at=now_ms()))
                producer.flush()
                time.sleep(0.1)
            took = now_ms() - sent
        (partial,) = closed(broker.settings, partition=0)
        assert to_unix_ms(partial.window_start) == sent // 1000 * 1000
        assert (partial.counters["responses"], partial.late) == (1.0, 0)
        assert took < 1000 + LATENESS + 6000
        assert worker.stop() == 0


def placed(number: int) -> int:
    """Return the partition of request `number`."""
    return partition_of(key_of(responded(number, at=0)), range(INFERENCE_RESPONDED.partitions))


def closed(settings: Settings, partition: int) -> list[WindowClosed]:
    """Return the windows of responses that a partition has closed."""
    return [
        record
        for record in records(settings, METRICS_WINDOW_CLOSED)
        if isinstance(record, WindowClosed) and record.source_partition == partition
    ]


@contextmanager
def traffic(settings: Settings, rng: random.Random) -> Iterator[None]:
    """Send some 500 events a second until the block is left; all of them have arrived then."""
    stopping = Event()
    with closing(Producer(settings, "traffic")) as producer:

        def send() -> None:
            number = 0
            while not stopping.wait(0.02):
                for _ in range(10):
                    number += 1
                    send_one(producer, number, rng)

        thread = Thread(target=send)
        thread.start()
        try:
            yield
        finally:
            stopping.set()
            thread.join()
            producer.flush()
