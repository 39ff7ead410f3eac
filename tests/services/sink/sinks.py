"""Sink processes for tests, and what they are fed with."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psutil

from schemas.feedback import FeedbackGiven
from schemas.ids import derived_id
from schemas.inference import InferenceRequested, InferenceResponded, Message
from schemas.observations import RecordedScore, ScoresRecorded
from schemas.record import Record
from schemas.settings import Settings
from services.clients.bus.message import Message as LoggedMessage
from services.clients.bus.producer import Producer
from services.clients.bus.tail import Tail
from services.clients.warehouse.client import Warehouse
from tests.fixtures.ports import free_port
from tests.fixtures.waiting import PATIENCE_S

POLL_S = 0.2
CONFIGURATION = "apps:\n  - {name: guard, base_model: tiny}\n"


def requested(name: str, occurred_at: datetime | None = None) -> InferenceRequested:
    """A request whose ids derive from its name."""
    return InferenceRequested(
        event_id=derived_id("requested", name),
        occurred_at=occurred_at or datetime.now(UTC),
        app="guard",
        request_id=name,
        messages=(Message(role="user", content="a prompt"),),
    )


def responded(name: str) -> InferenceResponded:
    """An answer to the request of that name."""
    return InferenceResponded(
        event_id=derived_id("responded", name),
        occurred_at=datetime.now(UTC),
        app="guard",
        request_id=name,
        messages=(Message(role="user", content="a prompt"),),
        output=Message(role="assistant", content="safe"),
    )


def feedback(name: str) -> FeedbackGiven:
    """Feedback on the request of that name."""
    return FeedbackGiven(
        event_id=derived_id("feedback", name),
        occurred_at=datetime.now(UTC),
        app="guard",
        request_id=name,
        label="safe",
    )


def scored(name: str) -> ScoresRecorded:
    """Three scores of the request of that name, one of which could not be given."""
    given = (RecordedScore(name=score, value=0.5, scorer="test@1") for score in ("prompt.harm", "prompt.injection"))
    return ScoresRecorded(
        event_id=derived_id("scored", name),
        occurred_at=datetime.now(UTC),
        app="guard",
        request_id=name,
        scores=(*given, RecordedScore(name="response.harm", unjudged="no answer", scorer="test@1")),
    )


class SinkProcess:
    """One `python -m services.sink`."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        configuration = folder / "driftloop.yaml"
        configuration.write_text(CONFIGURATION)
        self.port = free_port()
        own = {"DRIFTLOOP_CONFIG": str(configuration), "DRIFTLOOP_SINK_PORT": str(self.port)}
        self.log = folder / "sink.log"
        self._log = self.log.open("ab")
        self.child = subprocess.Popen(
            [sys.executable, "-m", "services.sink"],
            env={**os.environ, **environment, **own},
            stdout=self._log,
            stderr=self._log,
        )

    def kill(self) -> None:
        """As kill -9 does."""
        self.child.kill()
        self.child.wait()
        self._log.close()

    def stop(self) -> int:
        """As an operator does; return the exit status."""
        self.child.terminate()
        status = self.child.wait(timeout=PATIENCE_S)
        self._log.close()
        return status

    def health(self) -> dict[str, bool]:
        """What GET /healthz says; nothing while it does not answer yet."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=PATIENCE_S) as answer:
                conditions: dict[str, bool] = json.load(answer)
        except urllib.error.HTTPError as refused:
            with refused:
                conditions = json.load(refused)
        except OSError:
            return {}
        return conditions

    def stored(self, table: str) -> int:
        """Return how many rows of a table it says to have stored; 0 while it does not answer yet."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=PATIENCE_S) as answer:
                said = answer.read().decode()
        except OSError:
            return 0
        found = re.search(rf'^driftloop_sink_rows_total{{table="{table}"}} (\S+)$', said, re.MULTILINE)
        return int(float(found.group(1))) if found else 0

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stopped by SIGSTOP, going on at the end at the latest."""
        self.child.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.child.send_signal(signal.SIGCONT)

    def resident_bytes(self) -> int:
        """Memory that the process holds now."""
        return int(psutil.Process(self.child.pid).memory_info().rss)


def is_well(conditions: Mapping[str, bool]) -> bool:
    """Whether a process says of itself that it is ready."""
    return bool(conditions) and all(conditions.values())


@contextmanager
def sink_process(environment: Mapping[str, str], folder: Path) -> Iterator[SinkProcess]:
    """A sink that is stopped at the end if nobody did before."""
    process = SinkProcess(environment, folder)
    try:
        yield process
    finally:
        if process.child.poll() is None:
            process.stop()


@contextmanager
def traffic(
    producer: Producer, prefix: str, makers: Sequence[Callable[[str], Record]] = (requested, responded)
) -> Iterator[list[int]]:
    """Send a request and its answer some 500 times a second; the list holds how many pairs, at the end exactly."""
    sent, stopping = [0], threading.Event()

    def send() -> None:
        while not stopping.wait(0.02):
            for _ in range(10):
                for make in makers:
                    producer.send(make(f"{prefix}-{sent[0]}"))
                sent[0] += 1

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield sent
    finally:
        stopping.set()
        thread.join()
        producer.flush()


def messages(settings: Settings, topic: str) -> list[LoggedMessage]:
    """Return all that a topic holds."""
    with closing(Tail(settings, [topic])) as tail:
        found = tail.poll(POLL_S)
        while not tail.caught_up:
            found += tail.poll(POLL_S)
    return found


def one(settings: Settings, sql: str) -> dict[str, object]:
    """Return the only row of a query."""
    with Warehouse.connect(settings) as warehouse:
        (row,) = warehouse.query(sql)
    return row


def count(settings: Settings, table: str, where: str = "1") -> int:
    """Return how many rows a table holds, replaced ones included."""
    return int(str(one(settings, f"SELECT count() AS n FROM {table} WHERE {where}")["n"]))
