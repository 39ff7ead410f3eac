"""One running program: started on a leash, signalled with all it has started itself."""

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from schemas.settings import Settings
from services.embedded.catalogue import Program
from services.embedded.health import Health
from services.embedded.logfile import log_path, rotate
from services.embedded.patience import Patience, pause_before_restart
from services.embedded.session import in_background
from services.embedded.state import ProcessState

log = logging.getLogger(__name__)
LEASH = Path(__file__).with_name("leash.py")
MISTAKE_STATUS = 2


class State(StrEnum):
    """Where a child stands. It counts as running in `starting`, `healthy` and `unready`."""

    WAITING = "waiting"
    STARTING = "starting"
    HEALTHY = "healthy"
    UNREADY = "unready"
    RESTARTING = "restarting"
    FAILED = "failed"
    STOPPED = "stopped"


class Child:
    """A program's process over all its restarts.

    All times are of the same monotonic clock, given by the caller. Starting happens in the
    supervisor's thread only: the leash is tied to the thread that starts.
    """

    def __init__(
        self, program: Program, settings: Settings, environment: Mapping[str, str], patience: Patience
    ) -> None:
        self.program = program
        self.state = State.WAITING
        self.starts = 0
        self.was_healthy = False
        self.prepared = False
        self.next_probe = 0.0
        self.started_at: datetime | None = None
        self.log = log_path(settings.data, program.name)
        self._settings = settings
        self._environment = {**environment, **program.environment}
        self._patience = patience
        self._process: subprocess.Popen[bytes] | None = None
        self._in_a_row = 0
        self._silences = 0
        self._since = 0.0
        self._due = 0.0

    @property
    def restarts(self) -> int:
        """How often it has been started again."""
        return max(0, self.starts - 1)

    @property
    def running(self) -> bool:
        """Whether a process is there that is meant to be."""
        return self.state in (State.STARTING, State.HEALTHY, State.UNREADY)

    @property
    def pid(self) -> int | None:
        """The process's id while it runs."""
        return self._process.pid if self._process is not None and self.running else None

    @property
    def snapshot(self) -> ProcessState:
        """The child as `status` shows it."""
        return ProcessState(
            name=self.program.name,
            state=self.state.value,
            port=self._settings.ports[self.program.name],
            pid=self.pid,
            restarts=self.restarts,
            started_at=self.started_at,
        )

    def start(self, now: float, at: datetime) -> None:
        """Start the program, its output appended to its log.

        It gets a session of its own; in one that yields already, what yields too stays in there: ten
        sessions at niceness 15 keep a call waiting longer than one does.
        """
        self.log.parent.mkdir(parents=True, exist_ok=True)
        rotate(self.log)
        urgent = ",urgent" if self.program.urgent else ""
        leash = [sys.executable, "-I", "-S", str(LEASH), f"{os.getpid()},{self.program.niceness}{urgent}"]
        shares_session = bool(self.program.niceness) and in_background()
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603  # commands of the catalogue
                [*leash, *self.program.command],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=not shares_session,
                process_group=0 if shares_session else None,
            )
        self.state, self.started_at, self._since, self._silences = State.STARTING, at, now, 0
        self.prepared, self.next_probe = False, now
        self.starts += 1

    def observe_exit(self, now: float) -> bool:
        """Notice that the process has ended and plan its restart, or give up; return whether it had ended."""
        status = self._process.poll() if self._process is not None and self.running else None
        if status is None:
            return False
        self._kill_group()
        self._plan_restart(now, status)
        return True

    def observe_health(self, health: Health, now: float) -> None:
        """Take the result of a probe; a child that hangs, or never gets well, is killed and restarted."""
        if not self.running:
            return
        self._silences = self._silences + 1 if health is Health.SILENT else 0
        if health is Health.READY:
            self.prepared = True
            self._since = self._since if self.state is State.HEALTHY else now
            self.state, self.was_healthy = State.HEALTHY, True
            if now - self._since > self._patience.forgiven_after:
                self._in_a_row = 0
        elif self.state is not State.STARTING and health is Health.UNREADY:
            self.state, self._since = State.UNREADY, now
        self.next_probe = now + self._pause_before_probe(health)
        if self._hangs(now):
            log.warning("hangs process=%s silences=%d", self.program.name, self._silences)
            self._kill_group()
            self._plan_restart(now, -signal.SIGKILL)

    def _pause_before_probe(self, health: Health) -> float:
        if self.state is State.STARTING:
            return self._patience.tick
        return self._patience.probe_again if health is Health.SILENT else self._patience.probe_every

    def _hangs(self, now: float) -> bool:
        if self.state is State.STARTING:
            return now - self._since > self._patience.start
        return self._silences >= self._patience.silences

    def _plan_restart(self, now: float, status: int) -> None:
        if not self.was_healthy and (status == MISTAKE_STATUS or self._in_a_row + 1 >= self._patience.starts):
            self.state = State.FAILED
            log.error("failed process=%s status=%d", self.program.name, status)
            return
        pause = pause_before_restart(self._patience, self._in_a_row)
        log.warning("restarts process=%s status=%d pause_s=%.1f", self.program.name, status, pause)
        self.state, self._due = State.RESTARTING, now + pause
        self._in_a_row += 1

    def due(self, now: float) -> bool:
        """Tell whether its pause before a restart is over."""
        return self.state is State.RESTARTING and now >= self._due

    def signal(self, number: int) -> None:
        """Send the process itself a signal, if it runs."""
        if self._process is not None and self._process.poll() is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    def wait(self, timeout_s: float) -> None:
        """Wait for its end; past the time, and for whatever it leaves behind, SIGKILL to its group."""
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(max(0.0, timeout_s))
            self._kill_group()
            self._process.wait()
        if self.state is not State.FAILED:
            self.state = State.STOPPED

    def _kill_group(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
