"""The processes of tests.bench.faults, each to be killed at will and restarted as the supervisor would."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from schemas.settings import Settings, port_variable
from services.clients.bus.errors import BusError
from services.clients.bus.topics import create_topics
from services.embedded.child import LEASH
from tests.fixtures.broker import Broker
from tests.fixtures.kafka import KafkaNode
from tests.fixtures.ports import free_port
from tests.fixtures.warehouse import running_warehouse

_MODULES = {
    "functional": ("stream_processors", "functional"),
    "drift": ("stream_processors", "drift"),
    "monitors": ("stream_processors", "monitors"),
    "sink": ("services.sink",),
    "alerting": ("services.alerting",),
    "receiver": ("services.alerting.receiver",),
}
_RESTART_AFTER_S = 1.0
_BROKER_PATIENCE_S = 120.0
_QUIET = {
    "MALLOC_ARENA_MAX": "2",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONUNBUFFERED": "1",
    "DRIFTLOOP_LOG_LEVEL": "WARNING",
}


class Worker:
    """`python -m ...`, its log in a file.

    Attributes:
        failures: How often it ended by itself.
    """

    def __init__(self, name: str, module: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
        self.name = name
        self.failures = 0
        self.log = folder / f"{name}.log"
        port = port_variable(name.split("-")[0])
        self._command = [sys.executable, "-m", *module]
        self._environment = {
            **os.environ,
            **_QUIET,
            **environment,
            port: environment.get(port, str(free_port())),
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._wanted = False
        self._ended_at = 0.0

    def start(self) -> None:
        """Start it; it dies with the thread that called."""
        leash = [sys.executable, "-I", "-S", str(LEASH), str(os.getpid())]
        with self.log.open("ab") as log:
            command = [*leash, *self._command]
            self._process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)
        self._wanted = True

    def kill(self) -> None:
        """kill -9."""
        self._wanted = False
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def suspend(self) -> None:
        """SIGSTOP."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def mend(self) -> None:
        """Start it again when it has ended by itself, after a pause."""
        if not self._wanted or self._process is None or self._process.poll() is None:
            self._ended_at = time.monotonic()
        elif time.monotonic() - self._ended_at > _RESTART_AFTER_S:
            self.failures += 1
            self.start()

    @property
    def cpu_s(self) -> float:
        """Processor seconds of the process that runs now."""
        assert self._process is not None
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _signal(self, number: int) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)


class RestartableBroker:
    """Apache Kafka, whose log outlives a kill; the embedded broker only runs."""

    def __init__(self, node: KafkaNode | Broker) -> None:
        self.node = node

    def start(self) -> None:
        """Start it, its topics too; after a kill it takes a while to read its log and refuses meanwhile.

        Raises:
            BusError: It never answers.
        """
        deadline = time.monotonic() + _BROKER_PATIENCE_S
        try:
            self.node.start()
        except BusError:
            while not _has_topics(self.node.settings, may_raise=time.monotonic() > deadline):
                time.sleep(0.5)

    def kill(self) -> None:
        """kill -9."""
        if isinstance(self.node, KafkaNode):
            self.node.kill()
        else:
            self.node.stop()

    def suspend(self) -> None:
        """Not asked for."""
        raise NotImplementedError

    def resume(self) -> None:
        """Not asked for."""
        raise NotImplementedError


class RestartableWarehouse:
    """The embedded engine's endpoint on its folder."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._running = ExitStack()

    def start(self) -> None:
        """Start it and migrate."""
        self._running.enter_context(running_warehouse(self._environment))

    def kill(self) -> None:
        """kill -9."""
        self._running.close()

    def suspend(self) -> None:
        """Not asked for."""
        raise NotImplementedError

    def resume(self) -> None:
        """Not asked for."""
        raise NotImplementedError


def _has_topics(settings: Settings, *, may_raise: bool) -> bool:
    try:
        create_topics(settings)
    except BusError:
        if may_raise:
            raise
        return False
    return True


def crew(names: Sequence[str], environment: Mapping[str, str], folder: Path) -> dict[str, Worker]:
    """Return workers by names like functional-2, not started."""
    folder.mkdir(parents=True, exist_ok=True)
    return {name: Worker(name, _MODULES[name.split("-")[0]], environment, folder) for name in names}
