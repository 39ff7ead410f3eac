"""data/supervisor.json and its lock: who runs on a data folder, for `driftloop status` and `down`."""

import fcntl
import os
import signal
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import IO

import msgspec

STATE_FILE = "supervisor.json"
LOCK_FILE = "supervisor.lock"


class ProcessState(msgspec.Struct, frozen=True, kw_only=True):
    """One process. `state` is waiting, starting, healthy, unready, restarting, failed or stopped."""

    name: str
    state: str
    port: int
    pid: int | None = None
    restarts: int = 0
    started_at: datetime | None = None


class StackState(msgspec.Struct, frozen=True, kw_only=True):
    """The whole stack as its supervisor last saw it."""

    pid: int
    started_at: datetime
    updated_at: datetime
    processes: tuple[ProcessState, ...]
    peak_rss_mb: float = 0.0


class AlreadyRunning(Exception):
    """A supervisor holds this data folder."""

    def __init__(self, data: Path, pid: int | None) -> None:
        who = f" (process {pid})" if pid else ""
        super().__init__(
            f"already running on {data}{who}; stop it with `driftloop down` or set DRIFTLOOP_DATA to another folder"
        )


class FolderLock:
    """Held by the supervisor of a data folder for as long as it lives, however it ends."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._file: IO[str] | None = None

    def take(self) -> None:
        """Take it.

        Raises:
            AlreadyRunning: Someone has it.
        """
        self._data.mkdir(parents=True, exist_ok=True)
        file = (self._data / LOCK_FILE).open("a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.close()
            state = read_state(self._data)
            raise AlreadyRunning(self._data, state.pid if state else None) from error
        self._file = file

    def release(self) -> None:
        """Let it go; again if need be."""
        if self._file is not None:
            self._file.close()
            self._file = None


def write_state(data: Path, state: StackState) -> None:
    """Replace the file at once, so that a reader sees the old or the new one."""
    fresh = data / f"{STATE_FILE}.new"
    fresh.write_bytes(msgspec.json.format(msgspec.json.encode(state)))
    fresh.replace(data / STATE_FILE)


def read_state(data: Path) -> StackState | None:
    """Return what the last supervisor of a folder wrote, or None."""
    try:
        return msgspec.json.decode((data / STATE_FILE).read_bytes(), type=StackState)
    except (OSError, msgspec.DecodeError):
        return None


def is_running(data: Path) -> bool:
    """Tell whether a supervisor holds the folder."""
    if not (data / LOCK_FILE).exists():
        return False
    lock = FolderLock(data)
    try:
        lock.take()
    except AlreadyRunning:
        return True
    lock.release()
    return False


def ask_to_stop(data: Path, timeout_s: float, *, pause: Callable[[float], None] = time.sleep) -> bool:
    """Send the folder's supervisor SIGTERM and wait; return whether it has ended (True if none ran)."""
    state = read_state(data)
    if state is None or not is_running(data):
        return True
    os.kill(state.pid, signal.SIGTERM)
    waited = 0.0
    while is_running(data) and waited < timeout_s:
        pause(0.2)
        waited += 0.2
    return waited < timeout_s
