"""Starts the catalogue's processes, keeps them running, stops them.

Order of effects:
  start   1. take the folder's lock  2. make sure all ports are free  3. start programs as soon as what
          they need is well, a few at a time, in the catalogue's order
  run     each tick: notice ends, ask for health, restart after the pause, keep logs small, write the state
  stop    wave by wave, from the programs that nothing needs back to the first: SIGTERM, wait, SIGKILL
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime

from schemas.settings import Settings
from services.embedded.catalogue import CATALOGUE, Program, child_environment
from services.embedded.child import Child, State
from services.embedded.health import Health, check_ports, probe
from services.embedded.logfile import last_line, rotate
from services.embedded.memory import MemoryPeak
from services.embedded.patience import Patience
from services.embedded.state import FolderLock, ProcessState, StackState, write_state

log = logging.getLogger(__name__)
Progress = Callable[[str, str], None]
STARTING_AT_ONCE = 4
PROBES_AT_ONCE = 4


class StartFailed(Exception):
    """A process does not come up. The message is one line: which, what it said last, where its log is."""


class Supervisor:
    """The stack of one data folder.

    Children live in the supervisor's own thread's care; they die with it, whatever ends it (Linux).

    Args:
        settings: The deployment; every child gets the same.
        processes: What to run.
        environment: Variables for all children on top of the settings' and this process's own.
        patience: How long it waits for what.
    """

    def __init__(
        self,
        settings: Settings,
        processes: Sequence[Program] = CATALOGUE,
        *,
        environment: Mapping[str, str] | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._settings = settings
        self._patience = patience or Patience()
        everyone = {**os.environ, **child_environment(settings), **(environment or {})}
        self._children = {p.name: Child(p, settings, everyone, self._patience) for p in processes}
        self._lock = FolderLock(settings.data)
        self._stopping = threading.Event()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)
        self._probes: dict[str, tuple[int, Future[Health]]] = {}
        self._progress: Progress = _silent
        self._told: dict[str, str] = {}
        self._memory = MemoryPeak()
        self._started_at = datetime.now(UTC)

    def start(self, progress: Progress | None = None) -> None:
        """Begin to start the processes and return; `progress(name, state)` is called from another thread.

        Raises:
            AlreadyRunning: Another supervisor holds the data folder.
            PortTaken: A port is not free; nothing was started.
        """
        self._lock.take()
        try:
            check_ports(tuple(child.program for child in self._children.values()), self._settings)
        except OSError:
            self._lock.release()
            raise
        self._progress = progress or _silent
        self._memory.start()
        self._thread.start()

    def wait_healthy(self, timeout_s: float = 600.0, *, stopping: threading.Event | None = None) -> None:
        """Return once every process is well, or soon after `stopping` is set.

        Raises:
            StartFailed: One gave up, or time is over.
        """
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while not (stopping and stopping.is_set()):
                unwell = [child for child in self._children.values() if child.state is not State.HEALTHY]
                if not unwell:
                    return
                failed = next((child for child in unwell if child.state is State.FAILED), None)
                if failed is not None:
                    raise StartFailed(_last_words(failed))
                if time.monotonic() >= deadline:
                    raise StartFailed(f"not healthy after {timeout_s:.0f} s: {_last_words(unwell[0])}")
                self._changed.wait(0.2)

    def processes(self) -> tuple[ProcessState, ...]:
        """Return how each process stands now."""
        return tuple(child.snapshot for child in self._children.values())

    def pids(self) -> dict[str, int]:
        """Return the ids of the processes that run now."""
        return {name: child.pid for name, child in self._children.items() if child.pid is not None}

    def signal(self, name: str, number: int) -> None:
        """Send a process a signal (SIGSTOP makes it hang, SIGHUP reloads)."""
        self._children[name].signal(number)

    def kill(self, name: str) -> int | None:
        """Kill a process without warning, as a crash would, and return its id; it will be restarted."""
        pid = self._children[name].pid
        self.signal(name, 9)
        return pid

    @property
    def peak_rss_mb(self) -> float:
        """Highest summed resident memory of this process and all its descendants so far, in MB."""
        return self._memory.peak_mb

    def stop(self) -> None:
        """Stop everything and return when nothing is left; again if need be."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        self._memory.stop()
        self._lock.release()

    def __enter__(self) -> "Supervisor":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        with ThreadPoolExecutor(PROBES_AT_ONCE, "probe") as pool:
            try:
                while not self._stopping.wait(self._patience.tick):
                    self._tick(pool, time.monotonic())
            finally:
                self._stop_children()
                self._tell()

    def _tick(self, pool: ThreadPoolExecutor, now: float) -> None:
        for child in self._children.values():
            child.observe_exit(now)
            self._ask(child, pool, now)
            if child.due(now) or self._may_start(child):
                child.start(now, datetime.now(UTC))
            rotate(child.log)
        self._tell()

    def _ask(self, child: Child, pool: ThreadPoolExecutor, now: float) -> None:
        name = child.program.name
        if name in self._probes:
            start_number, answer = self._probes[name]
            if not answer.done():
                return
            del self._probes[name]
            if start_number == child.starts:  # an answer about an earlier process says nothing of this one
                child.observe_health(answer.result(), now)
        if child.running and now >= child.next_probe:
            self._probes[name] = child.starts, pool.submit(self._probe, child.program, prepared=child.prepared)

    def _may_start(self, child: Child) -> bool:
        if child.state is not State.WAITING:
            return False
        starting = sum(other.state is State.STARTING for other in self._children.values())
        needs = [self._children[name] for name in child.program.needs if name in self._children]
        return starting < STARTING_AT_ONCE and all(need.was_healthy for need in needs)

    def _probe(self, program: Program, *, prepared: bool) -> Health:
        health = probe(program, self._settings, self._patience.probe_timeout)
        if health is not Health.READY or prepared or program.prepare is None:
            return health
        try:
            program.prepare(self._settings)
        except Exception as error:  # noqa: BLE001  # asked again at the next probe, until its start takes too long
            log.warning("not prepared process=%s error=%s", program.name, type(error).__name__)
            return Health.UNREADY
        return Health.READY

    def _tell(self) -> None:
        """Report changes: to the one who started us, to those who wait, to the state file."""
        now = {name: child.state.value for name, child in self._children.items()}
        changed = {name: state for name, state in now.items() if self._told.get(name) != state}
        if not changed:
            return
        self._told = now
        write_state(self._settings.data, self._snapshot())
        for name, state in changed.items():
            self._progress(name, state)
        with self._changed:
            self._changed.notify_all()

    def _snapshot(self) -> StackState:
        return StackState(
            pid=os.getpid(),
            started_at=self._started_at,
            updated_at=datetime.now(UTC),
            processes=self.processes(),
            peak_rss_mb=round(self.peak_rss_mb, 1),
        )

    def _stop_children(self) -> None:
        for wave in stop_waves([child.program for child in self._children.values()]):
            children = [self._children[name] for name in wave]
            for child in children:
                child.signal(15)
            deadline = time.monotonic() + self._patience.stop
            for child in children:
                child.wait(deadline - time.monotonic())


def stop_waves(programs: Sequence[Program]) -> list[list[str]]:
    """Return names in the order of stopping: each wave is needed by nobody that still runs, last started first.

    Example:
        >>> stop_waves([Program("a", ()), Program("b", (), ("a",)), Program("c", (), ("a",))])
        [['c', 'b'], ['a']]
    """
    left = list(reversed(programs))
    waves: list[list[str]] = []
    while left:
        needed = {need for program in left for need in program.needs}
        wave = [program.name for program in left if program.name not in needed]
        if not wave:
            raise ValueError(f"programs need each other in a circle: {sorted(p.name for p in left)}")
        waves.append(wave)
        left = [program for program in left if program.name not in wave]
    return waves


def _last_words(child: Child) -> str:
    words = last_line(child.log) or "it said nothing"
    name = child.program.name
    return f"{words if words.startswith(name + ':') else f'{name}: {words}'} (log: {child.log})"


def _silent(_name: str, _state: str) -> None:
    """Tell nobody."""
