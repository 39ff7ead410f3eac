"""The frame: what a failing handler does to the process, and what is read again after it."""

import subprocess
import sys
from pathlib import Path

import pytest

from schemas.settings import Settings
from schemas.topics import INFERENCE_RESPONDED, SCORES_RECORDED
from services.bus.producer import Producer
from tests.fixtures.broker import Broker, free_port
from tests.stream_processors.builders import now_ms, responded
from tests.stream_processors.workers import records

PROGRAM = """
import sys
from schemas.ids import derived_id
from schemas.observations import ScoreRecorded
from schemas.topics import INFERENCE_RESPONDED
from services.runtime.process import running
from stream_processors.application import Processor
from stream_processors.serving import serve

FAILS_AT = int(sys.argv[1])

def score(record):
    return ScoreRecorded(event_id=derived_id(record.event_id), occurred_at=record.occurred_at, app=record.app,
                         request_id=record.request_id, name="prompt.harm", value=0.5, scorer="test")

with running("safety") as process:
    processor = Processor("safety", process.settings, process.configuration)

    async def handle(deliveries):
        if any(d.record.request_id == f"request-{FAILS_AT}" for d in deliveries):
            raise RuntimeError("a bug")
        return [score(d.record) for d in deliveries]

    async def stop_soon(seen=[]):
        seen.append(1)
        if len(seen) > 24:
            process.stopping.set()
        return ()

    processor.consume(INFERENCE_RESPONDED, handle=handle, batch=10)
    if FAILS_AT < 0:
        processor.every(0.5, stop_soon)
    serve(processor, process)
"""


def run(broker: Broker, folder: Path, *, fails_at: int) -> subprocess.CompletedProcess[str]:
    """Run a processor that scores every response and fails at one of them, or stops by itself if there is none."""
    (folder / "driftloop.yaml").write_text("apps: [{name: guard, base_model: tiny}]")
    environment = {
        **broker.environment,
        "DRIFTLOOP_DATA": str(folder),
        "DRIFTLOOP_CONFIG": str(folder / "driftloop.yaml"),
        "DRIFTLOOP_SAFETY_PORT": str(free_port()),
        "PYTHONPATH": ".",
    }
    command = [sys.executable, "-c", PROGRAM, str(fails_at)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


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
    failed = run(broker, tmp_path, fails_at=50)
    assert failed.returncode == 1, failed.stderr
    assert "a bug" in failed.stderr
    assert scored(broker.settings) < {f"request-{number}" for number in range(100)}
    mended = run(broker, tmp_path, fails_at=-1)
    assert mended.returncode == 0, mended.stderr
    assert scored(broker.settings) == {f"request-{number}" for number in range(100)}
    assert "malformed JSON" in mended.stderr
    assert "{no JSON" not in mended.stderr


def test_a_processor_that_does_not_exist_is_named_in_one_line() -> None:
    command = [sys.executable, "-m", "stream_processors", "nothing"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
