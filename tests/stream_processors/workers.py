"""Stream processors as processes of their own, to be killed at will."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from schemas.record import Record
from schemas.settings import Settings
from schemas.topics import Topic
from services.clients.bus.connection import group_options, open_admin
from services.clients.bus.patience import patiently
from services.clients.bus.topics import committed
from stream_processors.frame.delivery import Delivery, Source
from stream_processors.frame.history import deliveries_since
from tests.fixtures.broker import Broker
from tests.fixtures.kafka import KafkaNode
from tests.fixtures.ports import free_port
from tests.fixtures.waiting import PATIENCE_S, until


class Worker:
    """`python -m stream_processors <name>` against a broker, with its log in a file."""

    def __init__(self, name: str, broker: Broker | KafkaNode, *, folder: Path, configuration: str) -> None:
        self._name = name
        self._log = folder / f"{name}.log"
        file = folder / "driftloop.yaml"
        file.write_text(configuration)
        self._environment: Mapping[str, str] = {
            **os.environ,
            **broker.environment,
            "DRIFTLOOP_DATA": str(folder / "data"),
            "DRIFTLOOP_CONFIG": str(file),
            f"DRIFTLOOP_{name.upper()}_PORT": str(port := free_port()),
        }
        self.url = f"http://127.0.0.1:{port}"
        self.settings = Settings.from_environment(self._environment)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its process's id, once started."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, or start it again."""
        with self._log.open("ab") as log:
            command = [sys.executable, "-m", "stream_processors", self._name]
            self._process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)

    def await_ready(self) -> None:
        """Return once it holds partitions and has read what was there."""
        until(self._is_ready, lambda ready: ready or self._has_ended(), every_s=0.1)
        assert not self._has_ended(), self.log()[-2000:]

    def await_log(self, line: str, *, since: int = 0) -> None:
        """Return once it has logged a line behind its first `since` characters."""
        until(lambda: self.log()[since:], lambda log: line in log, every_s=0.1)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """SIGSTOP, and SIGCONT at the end."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        """Kill it if it runs."""
        if self._process is not None and self._process.poll() is None:
            self.kill()

    def kill(self) -> None:
        """kill -9."""
        self._send(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM; return the exit status."""
        return self._send(signal.SIGTERM)

    def log(self) -> str:
        """Return what it has logged."""
        return self._log.read_text()

    def _is_ready(self) -> bool:
        with suppress(OSError), urllib.request.urlopen(f"{self.url}/healthz", timeout=PATIENCE_S):
            return True
        return False

    def _has_ended(self) -> bool:
        assert self._process is not None
        return self._process.poll() is not None

    def _send(self, number: int) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(PATIENCE_S)


@contextmanager
def working(name: str, broker: Broker | KafkaNode, *, folder: Path, configuration: str) -> Iterator[Worker]:
    """Run a worker; it is gone afterwards, whatever happens."""
    worker = Worker(name, broker, folder=folder, configuration=configuration)
    worker.start()
    try:
        yield worker
    finally:
        worker.kill()


@contextmanager
def pair(name: str, broker: Broker | KafkaNode, *, folder: Path, configuration: str) -> Iterator[tuple[Worker, Worker]]:
    """Two workers with folders of their own, not started; they are gone afterwards, whatever happens."""
    workers = []
    for own in (folder / "first", folder / "second"):
        own.mkdir()
        workers.append(Worker(name, broker, folder=own, configuration=configuration))
    try:
        yield workers[0], workers[1]
    finally:
        for worker in workers:
            worker.end()


def safety_environment(broker: Broker | KafkaNode, folder: Path, configuration: str) -> Mapping[str, str]:
    """Return the variables of a script that takes the safety processor's place."""
    (folder / "driftloop.yaml").write_text(configuration)
    return {
        **os.environ,
        **broker.environment,
        "DRIFTLOOP_DATA": str(folder),
        "DRIFTLOOP_CONFIG": str(folder / "driftloop.yaml"),
        "DRIFTLOOP_SAFETY_PORT": str(free_port()),
        "PYTHONPATH": ".",
    }


def await_commits(settings: Settings, group: str, topic: Topic, behind: Mapping[int, int]) -> None:
    """Wait until a group has committed the partitions of a topic up to some offsets, or further."""

    def seen() -> dict[int, int]:
        return {
            partition: at
            for (name, partition), at in patiently(committed, settings, group).items()
            if name == topic.name
        }

    until(seen, lambda at: all(at.get(partition, 0) >= least for partition, least in behind.items()), every_s=0.3)


def await_no_members(settings: Settings, group: str) -> None:
    """Wait until the session of a stopped worker, the only one of its group, is over."""
    if settings.broker == "light":  # that broker doesn't tell
        time.sleep(1.5 * group_options(settings)["session_timeout_ms"] / 1000)
        return
    with closing(open_admin(settings)) as admin:
        until(
            lambda: {found["group_id"]: found["group_state"] for found in admin.list_groups()},
            lambda states: states[group] == "Empty",
            every_s=0.5,
        )


def ends(settings: Settings, topic: Topic) -> dict[int, int]:
    """Return the offset behind the last record of each partition of a topic that holds some."""
    return {delivery.source.partition: delivery.offset + 1 for delivery in everything(settings, topic)}


def everything(settings: Settings, topic: Topic) -> list[Delivery]:
    """Return all records of a topic, partition by partition."""
    sources = [Source(topic.name, number) for number in range(topic.partitions)]
    return [delivery for source in sources for delivery in deliveries_since(settings, source, 0)]


def records(settings: Settings, topic: Topic) -> list[Record]:
    """Return all records of a topic without their places."""
    return [delivery.record for delivery in everything(settings, topic)]
