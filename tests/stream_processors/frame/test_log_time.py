"""Log times are the broker's, and a processor that claims to know the log up to a time has seen all before it."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.settings import Settings
from schemas.topics import SCORES_RECORDED
from services.clients.bus.connection import open_consumer, open_producer
from services.parts.runtime.process import read_configuration
from stream_processors.frame.application import Processor
from stream_processors.frame.delivery import Source
from stream_processors.frame.transport import Answers
from tests.fixtures.broker import Broker
from tests.fixtures.waiting import PATIENCE_S, equals, until
from tests.stream_processors.batch_count import CONFIGURATION
from tests.stream_processors.workers import safety_environment

LONG_AGO_MS = 1_000_000
SOURCE = Source(SCORES_RECORDED.name, 0)


@pytest.mark.broker
def test_a_record_is_logged_when_the_broker_takes_it_whenever_it_was_made(empty: Broker, tmp_path: Path) -> None:
    began = round(time.time() * 1000)
    with closing(open_producer(empty.settings)) as producer:
        producer.send(SOURCE.topic, b"services", partition=SOURCE.partition, timestamp_ms=LONG_AGO_MS)
        producer.flush()
    asyncio.run(send_from_a_processor(Settings.from_environment(safety_environment(empty, tmp_path, CONFIGURATION))))
    times = dict(logged(empty.settings, 2))
    assert all(began <= at <= round(time.time() * 1000) for at in times.values()), times
    assert times.keys() == {b"services", b"processors"}


async def send_from_a_processor(settings: Settings) -> None:
    """Send a record by the producer of a processor's Faust app."""
    async with Processor("safety", settings, read_configuration(settings)).app.producer as producer:
        sent = await producer.send(
            SOURCE.topic, None, b"processors", SOURCE.partition, timestamp=LONG_AGO_MS / 1000, headers=None
        )
        await sent


def logged(settings: Settings, count: int) -> list[tuple[bytes, int]]:
    """Return the values and log times of a topic's messages, checksums checked."""
    with closing(open_consumer(settings, check_crcs=True, consumer_timeout_ms=round(PATIENCE_S * 1000))) as consumer:
        consumer.subscribe([SOURCE.topic])
        return [(message.value, message.timestamp) for _, message in zip(range(count), consumer, strict=False)]


steps = st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3), st.booleans())


@given(st.lists(steps, min_size=1, max_size=30))
def test_no_question_was_put_before_the_time_that_its_answer_vouches_for(
    exchanges: list[tuple[int, int, int, bool]],
) -> None:
    answers, now = Answers(), 0
    for pause, way_there, way_back, looked_at in exchanges:
        asked_at = now + pause
        now = asked_at + way_there + way_back
        if looked_at:
            answers.note(now)
            assert answers.asked_at is None or answers.asked_at <= asked_at


WATCHER = """
from schemas.topics import SCORES_RECORDED
from services.parts.runtime.process import running
from stream_processors.frame.application import Processor
from stream_processors.frame.delivery import Source
from stream_processors.frame.serving import serve

with running("safety") as process:
    processor = Processor("safety", process.settings, process.configuration)
    source = Source(SCORES_RECORDED.name, 0)
    last = []

    async def handle(deliveries):
        return ()

    def look():
        known = processor.caught_up_at(source)
        if [known] != last:
            last[:] = [known]
            print(known, processor._read.get(source, 0), flush=True)
        return ()

    processor.consume(SCORES_RECORDED, handle=handle)
    processor.every(0.001, look)
    serve(processor, process)
"""


@contextmanager
def watching(broker: Broker, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a processor that tells, whenever it changes, up to when it knows the log and how far it has read it."""
    with (
        (folder / "told").open("wb") as told,
        subprocess.Popen(
            [sys.executable, "-c", WATCHER], env=safety_environment(broker, folder, CONFIGURATION), stdout=told
        ) as child,
    ):
        try:
            yield child
        finally:
            child.kill()


def told(folder: Path) -> list[tuple[int, int]]:
    """Return the times up to which the processor said that it knew the log, each with how many messages it had read."""
    whole_lines, _, _ = (folder / "told").read_text().rpartition("\n")  # the last one may be under way
    words = [line.split() for line in whole_lines.splitlines()]
    return [(int(known), int(read)) for known, read in words if known != "None"]


@pytest.mark.broker
def test_a_processor_stopped_while_an_answer_was_on_its_way_claims_nothing_that_it_has_not_seen(
    empty: Broker, tmp_path: Path
) -> None:
    rounds = 6
    with watching(empty, tmp_path) as processor, closing(open_producer(empty.settings)) as producer:
        until(lambda: told(tmp_path))
        for number in range(1, rounds + 1):
            processor.send_signal(signal.SIGSTOP)
            time.sleep(0.6)  # its question is answered: the answer is older than the message
            producer.send(SOURCE.topic, b"{}", partition=SOURCE.partition).get(PATIENCE_S)
            time.sleep(0.6)
            processor.send_signal(signal.SIGCONT)
            until(lambda: told(tmp_path)[-1][1], equals(number))
        messages = [at for _, at in logged(empty.settings, rounds)]
    for known, read in told(tmp_path):
        assert [at for at in messages[read:] if at < known] == []
