"""The frame: what a failing handler does to the process, and what is read again after it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import pytest
from msgspec import structs

from schemas.configuration_parser import parse_configuration
from schemas.inference import Message
from schemas.observations import WindowClosed
from schemas.settings import Settings
from schemas.topics import INFERENCE_RESPONDED, METRICS_WINDOW_CLOSED, SCORES_RECORDED
from services.clients.bus.producer import Producer
from services.clients.bus.topics import consumer_lag
from stream_processors.frame.application import Processor
from tests.fixtures.broker import Broker
from tests.fixtures.ports import free_port
from tests.fixtures.waiting import PATIENCE_S, at_least, equals, until
from tests.stream_processors.batch_count import CONFIGURATION
from tests.stream_processors.builders import now_ms, responded
from tests.stream_processors.workers import records, safety_environment, working

PROGRAM = """
import sys
from schemas.ids import derived_id
from schemas.observations import RecordedScore, ScoresRecorded
from schemas.topics import INFERENCE_RESPONDED
from services.parts.runtime.process import running
from stream_processors.frame.application import Processor
from stream_processors.frame.serving import serve

FAILS_AT = int(sys.argv[1])

def score(record):
    scores = (RecordedScore(name="prompt.harm", value=0.5, scorer="test@1"),)
    return ScoresRecorded(event_id=derived_id(record.event_id), occurred_at=record.occurred_at, app=record.app,
                          request_id=record.request_id, scores=scores)

with running("safety") as process:
    processor = Processor("safety", process.settings, process.configuration)

    async def handle(deliveries):
        if any(d.record.request_id == f"request-{FAILS_AT}" for d in deliveries):
            raise RuntimeError("a bug")
        return [score(d.record) for d in deliveries]

    processor.consume(INFERENCE_RESPONDED, handle=handle, batch=10)
    serve(processor, process)
"""


@contextmanager
def scoring(broker: Broker, folder: Path, *, fails_at: int) -> Iterator[subprocess.Popen[str]]:
    """Run a processor that scores every response and fails at one of them, if there is that one; it logs to a file."""
    (folder / "driftloop.yaml").write_text("apps: [{name: guard, base_model: tiny}]")
    environment = {
        **broker.environment,
        "DRIFTLOOP_DATA": str(folder),
        "DRIFTLOOP_CONFIG": str(folder / "driftloop.yaml"),
        "DRIFTLOOP_SAFETY_PORT": str(free_port()),
        "PYTHONPATH": ".",
    }
    command = [sys.executable, "-c", PROGRAM, str(fails_at)]
    with (folder / "log").open("w") as log, subprocess.Popen(command, env=environment, stderr=log, text=True) as child:
        try:
            yield child
        finally:
            child.kill()


SLOW = """
import asyncio
from schemas.topics import INFERENCE_RESPONDED
from services.parts.runtime.process import running
from stream_processors.frame.application import Processor
from stream_processors.frame.serving import serve

with running("safety") as process:
    processor = Processor("safety", process.settings, process.configuration)

    async def handle(deliveries):
        await asyncio.sleep(3600 if any(d.record.request_id == "request-20" for d in deliveries) else 0)
        return ()

    processor.consume(INFERENCE_RESPONDED, handle=handle, batch=5)
    serve(processor, process)
"""


@pytest.mark.broker
def test_a_slow_scorer_falls_behind_alone_and_holds_little_in_memory(empty: Broker, tmp_path: Path) -> None:
    (tmp_path / "functional").mkdir()
    with (
        working("functional", empty, folder=tmp_path / "functional", configuration=CONFIGURATION) as quick,
        slow_scorer(empty, tmp_path) as slow,
    ):
        quick.await_ready()
        send_large(empty.settings, range(20))
        until(lambda: {lag.group for lag in consumer_lag(empty.settings)}, lambda groups: "safety" in groups)
        before = slow.memory_info().rss
        send_large(empty.settings, range(20, 8_000))
        until(lambda: counted(empty.settings), at_least(8_000))
        assert slow.memory_info().rss - before < 48 * 2**20
        until(lambda: behind(empty.settings, "functional"), equals(0))
        assert behind(empty.settings, "safety") > 3_000
        assert slow.is_running()


def test_a_processor_that_is_behind_reads_little_of_a_partition_ahead(tmp_path: Path) -> None:
    """What is read ahead is held twice, of each partition: it is memory that grows while a processor falls behind."""
    settings = Settings.from_environment({"DRIFTLOOP_DATA": str(tmp_path)})
    processor = Processor("safety", settings, parse_configuration(CONFIGURATION))

    assert processor.app.conf.consumer_max_fetch_size <= 2**20
    assert processor.app.conf.stream_buffer_maxsize <= 256


@contextmanager
def slow_scorer(broker: Broker, folder: Path) -> Iterator[psutil.Process]:
    """Run a processor that takes an hour for one answer, behind which the others of its partition wait."""
    with subprocess.Popen([sys.executable, "-c", SLOW], env=safety_environment(broker, folder, CONFIGURATION)) as child:
        try:
            yield psutil.Process(child.pid)
        finally:
            child.kill()


def send_large(settings: Settings, numbers: range) -> None:
    """Send answers of ten kilobytes."""
    output = Message(role="assistant", content="x" * 10_000)
    with closing(Producer(settings, "traffic")) as producer:
        for number in numbers:
            producer.send(structs.replace(responded(number, at=now_ms()), output=output))
            if number % 2_000 == 0:
                producer.flush()
        producer.flush()


def counted(settings: Settings) -> int:
    """Return how many answers stand in closed windows."""
    found = [record for record in records(settings, METRICS_WINDOW_CLOSED) if isinstance(record, WindowClosed)]
    return sum(int(window.counters.get("responses", 0)) + window.late for window in found)


def behind(settings: Settings, group: str) -> int:
    """Return a group's lag on the topic of answers."""
    return sum(lag.lag for lag in consumer_lag(settings) if (lag.group, lag.topic) == (group, INFERENCE_RESPONDED.name))


def scored(settings: Settings) -> set[str]:
    """Return the requests that have a score."""
    return {getattr(record, "request_id", "") for record in records(settings, SCORES_RECORDED)}


@pytest.mark.broker
def test_a_failing_handler_ends_the_process_and_nothing_behind_it_is_lost(broker: Broker, tmp_path: Path) -> None:
    producer = Producer(broker.settings, "traffic")
    for number in range(100):
        producer.send(responded(number, at=now_ms()))
    producer.send_raw(INFERENCE_RESPONDED.name, b"{no JSON", key=b"x")
    producer.flush()
    producer.close()
    log = tmp_path / "log"
    with scoring(broker, tmp_path, fails_at=50) as failing:
        assert failing.wait(PATIENCE_S) == 1, log.read_text()
    assert "a bug" in log.read_text()
    assert scored(broker.settings) < {f"request-{number}" for number in range(100)}
    with scoring(broker, tmp_path, fails_at=-1) as mended:
        until(lambda: scored(broker.settings), equals({f"request-{number}" for number in range(100)}), every_s=0.3)
        until(log.read_text, lambda text: "malformed JSON" in text)
        mended.terminate()
        assert mended.wait(PATIENCE_S) == 0, log.read_text()
    assert "{no JSON" not in log.read_text()


def test_a_processor_that_does_not_exist_is_named_in_one_line() -> None:
    command = [sys.executable, "-m", "stream_processors", "nothing"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
