"""Traffic with a shift and a recovery, through real processors and sink, for a replay to look at afterwards."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from schemas.codec import from_unix_ms
from schemas.observations import ScoreRecorded
from schemas.settings import Settings
from services.clients.bus.producer import Producer
from services.clients.registry.artifacts import REFERENCE
from tests.fixtures.broker import Broker
from tests.services.sink.sinks import sink_process
from tests.stream_processors.builders import feedback, now_ms, responded
from tests.stream_processors.observed import uniform_reference
from tests.stream_processors.workers import Worker, working

CONFIGURATION = """
apps: [{name: guard, base_model: tiny}]
windows: {length: 1s, lateness: 500ms, join_horizon: 5s}
drift: {window: 2s, min_count: 10, page_hinkley: 5}
monitors:
  - {name: accuracy-drop, app: guard, metric: feedback.accuracy, window: 1s, below: 0.8, for: 2, min_count: 5,
     severity: critical, then: [alert, retrain]}
  - {name: prompts-move, app: guard, metric: drift.prompt_distance.adwin, window: 2s, above: 0.5}
"""
EVERY_S = 0.025
SHIFT_S, KILL_S, RECOVERY_S, END_S = 3.0, 4.0, 7.0, 14.0


@contextmanager
def deployed(broker: Broker, warehouse: Mapping[str, str], folder: Path) -> Iterator[tuple[dict[str, str], Worker]]:
    """Run processors and sink; give the deployment's variables, and functional to be killed."""
    environment = {**broker.environment, **warehouse}
    with ExitStack() as stack:
        (folder / "sink").mkdir()
        published = folder / "data" / "artifacts" / "guard" / "v1"
        published.mkdir(parents=True)
        (published / REFERENCE).write_bytes(msgspec.json.encode(uniform_reference("prompt.distance")))
        stack.enter_context(sink_process(environment, folder / "sink"))
        functional, *_ = [
            stack.enter_context(working(name, broker, folder=folder, configuration=CONFIGURATION))
            for name in ("functional", "drift", "monitors")
        ]
        own = {"DRIFTLOOP_DATA": str(folder / "data"), "DRIFTLOOP_CONFIG": str(folder / "driftloop.yaml")}
        yield {**environment, **own}, functional


def send_traffic(settings: Settings, victim: Worker) -> datetime:
    """Send good answers, bad ones, good ones; kill -9 the victim within the bad ones. Return when it was over."""
    producer, begin, killed = Producer(settings, "traffic"), time.monotonic(), False
    number = 0
    while (passed := time.monotonic() - begin) < END_S:
        if passed > KILL_S and not killed:
            victim.kill()
            victim.start()
            killed = True
        number += 1
        _send_one(producer, number, shifted=SHIFT_S < passed < RECOVERY_S)
        time.sleep(EVERY_S)
    producer.flush()
    producer.close()
    return datetime.now(UTC)


def _send_one(producer: Producer, number: int, *, shifted: bool) -> None:
    """Send an answer, what was thought of it, and how far its prompt lies from those of training."""
    at, right = now_ms(), "unsafe" if shifted and number % 2 else "safe"
    answer = responded(number, at=at, latency=10.0 + number % 7)
    distance = (0.8 if shifted else 0.2) + number % 5 / 100
    producer.send(answer)
    producer.send(feedback(number, at=at + 1, label=right))
    producer.send(
        ScoreRecorded(
            event_id=f"score-{number}",
            occurred_at=from_unix_ms(at),
            app="guard",
            model="tiny",
            adapter_version="v1",
            request_id=answer.request_id,
            name="prompt.distance",
            value=distance,
            scorer="test@1",
        )
    )


def driftloop_replay(environment: Mapping[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    """Run `driftloop replay` as a person does."""
    command = [sys.executable, "-m", "services.commands.line", "replay", *options]
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
