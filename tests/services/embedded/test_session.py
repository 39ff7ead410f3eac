"""`up` moves itself, and what yields, to a session in the background."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from tests.fixtures.waiting import until

_SCRIPT = """
import os, signal, sys, time
from services.embedded.session import in_background, move_to_background
move_to_background()
def end(number, _):
    os.write(1, b"got %d\\n" % number)
    sys.exit(7)
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, end)
print(os.getpid(), os.getppid(), os.getsid(0), in_background(), flush=True)
while True: time.sleep(60)
"""
_SHARES_BY_SESSION = os.access("/proc/self/autogroup", os.W_OK)


@contextmanager
def background() -> Iterator[tuple["subprocess.Popen[str]", int]]:
    with subprocess.Popen([sys.executable, "-c", _SCRIPT], stdout=subprocess.PIPE, text=True) as front:
        assert front.stdout is not None
        pid, parent, session, yields = front.stdout.readline().split()
        assert (int(parent), session) == (front.pid, pid)
        assert yields == str(_SHARES_BY_SESSION)
        try:
            yield front, int(pid)
        finally:
            front.kill()


def runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_are_passed_on_and_the_status_comes_back(number: signal.Signals) -> None:
    with background() as (front, pid):
        front.send_signal(number)
        assert front.stdout is not None
        assert front.stdout.readline() == f"got {number.value}\n"
        assert front.wait() == 7
        assert not runs(pid)


def test_a_killed_child_is_told_as_a_shell_tells_it() -> None:
    with background() as (front, pid):
        os.kill(pid, signal.SIGKILL)
        assert front.wait() == 128 + signal.SIGKILL


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a child's life to its parent's")
def test_who_kills_the_front_kills_what_is_behind_it() -> None:
    with background() as (front, pid):
        front.kill()
        until(lambda: not runs(pid))
