"""The functional processors against a real broker: killed, stopped, joined, left, and equal to a batch count."""

import random
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

from schemas.codec import to_unix_ms
from schemas.observations import WindowClosed
from schemas.settings import Settings
from schemas.topics import INFERENCE_RESPONDED, METRICS_WINDOW_CLOSED, key_of
from services.clients.bus.partitioning import partition_of
from services.clients.bus.producer import Producer
from tests.fixtures.broker import Broker
from tests.fixtures.kafka import KafkaNode
from tests.fixtures.waiting import until
from tests.stream_processors.batch_count import CONFIGURATION, assert_windows_equal_a_batch_count, send_one
from tests.stream_processors.batch_count import placed as window_of
from tests.stream_processors.builders import now_ms, responded
from tests.stream_processors.workers import await_commits, ends, everything, pair, records, working

pytestmark = pytest.mark.broker

MANY = 3_000


def test_windows_after_two_kills_under_load_equal_a_batch_count_over_the_log(
    empty: Broker | KafkaNode, tmp_path: Path
) -> None:
    with working("functional", empty, folder=tmp_path, configuration=CONFIGURATION) as worker:
        with traffic(empty.settings, random.Random(12)) as sent:
            for _ in range(2):
                worker.await_ready()
                await_what_is_there_dealt_with(empty.settings)
                worker.kill()
                worker.start()
            worker.await_ready()
            await_what_is_there_dealt_with(empty.settings)
            until(lambda: sent[0], lambda count: count > MANY)
        assert_windows_equal_a_batch_count(empty.settings)
        assert worker.stop() == 0


def test_windows_of_two_workers_over_joins_a_stop_and_a_kill_equal_a_batch_count(
    empty: Broker | KafkaNode, tmp_path: Path
) -> None:
    with pair("functional", empty, folder=tmp_path, configuration=CONFIGURATION) as (first, second):
        first.start()
        with traffic(empty.settings, random.Random(13)) as sent:
            first.await_ready()
            second.start()
            second.await_ready()
            with first.paused():
                await_what_is_there_dealt_with(empty.settings)  # so all partitions are the second's
                logged = len(first.log())
            first.await_log("assigned: partitions=", since=logged)
            second.kill()
            second.start()
            second.await_ready()
            assert first.stop() == 0
            await_what_is_there_dealt_with(empty.settings)
            until(lambda: sent[0], lambda count: count > MANY)
        assert_windows_equal_a_batch_count(empty.settings)
        assert second.stop() == 0


def test_a_partition_that_falls_silent_does_not_hold_its_windows_open(
    broker: Broker | KafkaNode, tmp_path: Path
) -> None:
    silent, busy = (next(n for n in range(99) if placed(n) == partition) for partition in (0, 1))
    with working("functional", broker, folder=tmp_path, configuration=CONFIGURATION) as worker:
        worker.await_ready()
        with closing(Producer(broker.settings, "traffic")) as producer:
            producer.send(responded(silent, at=now_ms()))

            def closed_while_the_other_is_busy() -> list[WindowClosed]:
                producer.send(responded(busy, at=now_ms()))
                producer.flush()
                return closed(broker.settings, partition=0)

            (partial,) = until(closed_while_the_other_is_busy, every_s=0.1)
        (answer,) = (d for d in everything(broker.settings, INFERENCE_RESPONDED) if d.source.partition == 0)
        start, late = window_of(to_unix_ms(answer.record.occurred_at), to_unix_ms(answer.logged_at))
        assert to_unix_ms(partial.window_start) == start
        assert (partial.counters.get("responses", 0), partial.late) == (not late, late)
        assert worker.stop() == 0


def await_what_is_there_dealt_with(settings: Settings) -> None:
    """Wait until all answers that are there now stand in closed windows, and the commits say so."""
    await_commits(settings, "functional", INFERENCE_RESPONDED, ends(settings, INFERENCE_RESPONDED))


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
def traffic(settings: Settings, rng: random.Random) -> Iterator[list[int]]:
    """Send up to 500 events a second until the block is left; the list holds how many so far."""
    sent, stopping = [0], Event()
    with closing(Producer(settings, "traffic")) as producer:

        def send() -> None:
            while not stopping.wait(0.02):
                for _ in range(10):
                    sent[0] += 1
                    send_one(producer, sent[0], rng)

        thread = Thread(target=send)
        thread.start()
        try:
            yield sent
        finally:
            stopping.set()
            thread.join()
            producer.flush()
