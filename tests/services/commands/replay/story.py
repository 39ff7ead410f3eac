"""Traffic with a shift and a recovery, through real processors and sink, for a replay to look at afterwards."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from threading import Event, Thread

import msgspec

from schemas.codec import from_unix_ms
from schemas.observations import AlertChanged, DriftMeasured, RecordedScore, ScoresRecorded, WindowClosed
from schemas.settings import Settings
from schemas.topics import ALERTS_CHANGED, DRIFT_MEASURED, FEEDBACK_GIVEN, INFERENCE_RESPONDED, METRICS_WINDOW_CLOSED
from services.clients.bus.producer import Producer
from services.clients.bus.topics import consumer_lag
from services.clients.registry.artifacts import REFERENCE
from stream_processors.frame.delivery import Source
from tests.fixtures.broker import Broker
from tests.fixtures.waiting import at_least, equals, until
from tests.services.sink.sinks import sink_process
from tests.stream_processors.builders import feedback, now_ms, responded
from tests.stream_processors.observed import uniform_reference
from tests.stream_processors.workers import Worker, records, working

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
DROP_FIRES, DROP_ENDS = ("accuracy-drop", "firing"), ("accuracy-drop", "resolved")
MOVE_FIRES = ("prompts-move", "firing")
EVER = datetime.min.replace(tzinfo=UTC)
PARTITIONS = INFERENCE_RESPONDED.partitions + FEEDBACK_GIVEN.partitions


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
    """Send good answers, bad ones, good ones; kill -9 the victim within the bad ones. Return when it was over.

    Traffic goes on, bad once more, until all that follows from what was sent before has been told and stored.
    """
    with traffic(settings) as shifted:
        until(lambda: len(windows_since(settings)), at_least(4 * PARTITIONS), every_s=0.3)
        shifted.set()
        begun = datetime.now(UTC)
        until(lambda: len(windows_since(settings, begun)), at_least(PARTITIONS), every_s=0.3)
        victim.kill()
        victim.start()
        until(lambda: changes_since(settings, begun), {DROP_FIRES, MOVE_FIRES}.issubset, every_s=0.3)
        shifted.clear()
        until(lambda: changes_since(settings, begun), {DROP_ENDS}.issubset, every_s=0.3)
        over = datetime.now(UTC)
        shifted.set()
        # Only this one: the other may still be firing for the recovery, and then has nothing new to tell.
        until(lambda: changes_since(settings, over), {DROP_FIRES}.issubset, every_s=0.3)
        until(lambda: {source for source, _ in windows_since(settings, over)}, lambda found: len(found) == PARTITIONS)
        until(lambda: drift_since(settings, over), {"feedback", "prompt.distance"}.issubset, every_s=0.3)
    until(lambda: sum(lag.lag for lag in consumer_lag(settings) if lag.group == "sink"), equals(0), every_s=0.3)
    return over


def changes_since(settings: Settings, moment: datetime) -> set[tuple[str, str]]:
    """Return which monitors changed to which states, by windows that end later."""
    found = [record for record in records(settings, ALERTS_CHANGED) if isinstance(record, AlertChanged)]
    return {(alert.monitor, alert.state) for alert in found if alert.window_end > moment}


def windows_since(settings: Settings, moment: datetime = EVER) -> set[tuple[Source, datetime]]:
    """Return which windows were closed that begin later, by source partition."""
    found = [record for record in records(settings, METRICS_WINDOW_CLOSED) if isinstance(record, WindowClosed)]
    places = [(Source(one.source_topic, one.source_partition), one.window_start) for one in found]
    return {(source, start) for source, start in places if start > moment}


def drift_since(settings: Settings, moment: datetime) -> set[str]:
    """Return the metrics of which windows were measured that begin later."""
    found = [record for record in records(settings, DRIFT_MEASURED) if isinstance(record, DriftMeasured)]
    return {measured.metric for measured in found if measured.window_start > moment}


@contextmanager
def traffic(settings: Settings) -> Iterator[Event]:
    """Send answers until the block is left, bad ones while the event is set."""
    shifted, stopping = Event(), Event()

    def send() -> None:
        with closing(Producer(settings, "traffic")) as producer:
            for number in count(1):
                if stopping.wait(EVERY_S):
                    break
                _send_one(producer, number, shifted=shifted.is_set())
            producer.flush()

    thread = Thread(target=send)
    thread.start()
    try:
        yield shifted
    finally:
        stopping.set()
        thread.join()


def _send_one(producer: Producer, number: int, *, shifted: bool) -> None:
    """Send an answer, what was thought of it, and how far its prompt lies from those of training."""
    at, right = now_ms(), "unsafe" if shifted and number % 2 else "safe"
    answer = responded(number, at=at, latency=10.0 + number % 7)
    distance = (0.8 if shifted else 0.2) + number % 5 / 100
    producer.send(answer)
    producer.send(feedback(number, at=at + 1, label=right))
    producer.send(
        ScoresRecorded(
            event_id=f"score-{number}",
            occurred_at=from_unix_ms(at),
            app="guard",
            model="tiny",
            adapter_version="v1",
            request_id=answer.request_id,
            scores=(RecordedScore(name="prompt.distance", value=distance, scorer="test@1"),),
        )
    )


def driftloop_replay(environment: Mapping[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    """Run `driftloop replay` as a person does."""
    command = [sys.executable, "-m", "services.commands.line", "replay", *options]
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
