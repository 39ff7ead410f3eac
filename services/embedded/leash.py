"""Run as a script before a child: ties its life to the supervisor's, gives it its turn at the processor, becomes it.

`python leash.py PARENT[,NICENESS[,urgent]] COMMAND...` asks Linux to kill this process when the thread that
started it ends, and replaces itself with COMMAND, which keeps that promise and its place in the queue.
Elsewhere only the niceness holds. A script with the standard library alone, because it runs before
every child (15 ms).
"""

import contextlib
import ctypes
import os
import platform
import signal
import struct
import sys
import time

PR_SET_PDEATHSIG = 1
_SET_ATTRIBUTES = {"x86_64": 314, "aarch64": 274}
_SHORT_NS, _LONG_NS = 100_000, 4_000_000
GROUP_FILE = "/proc/self/autogroup"
_GROUP_WITHIN_S = 3.0
_SESSION_NICENESS = 10


def main() -> None:
    """Tie, make sure that the parent has not gone meanwhile, take the place, become the command."""
    parent, *turn = sys.argv[1].split(",")
    command, linux = sys.argv[2:], sys.platform == "linux"
    die_with(int(parent))
    niceness = int(turn[0]) if turn else 0
    os.nice(niceness)
    if niceness and os.getsid(0) == os.getpid():
        session_yields()
    if linux and "urgent" in turn:
        ask_for_turns_of(_SHORT_NS)
    elif linux and niceness:
        ask_for_turns_of(_LONG_NS)
    os.execvp(command[0], command)  # noqa: S606  # no shell is the point


def die_with(parent: int) -> None:
    """Be killed when the thread of `parent` that started this process ends (Linux); end at once if it has ended."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)


def session_yields() -> None:
    """Have this session as a whole yield, on a Linux that shares the processor out by session first.

    There a process's niceness counts among those of its session only, and a session starts at 0. At 10 it gets a
    tenth of a core that something else wants whole; at 15 it gets a thirtieth, and Kafka needs minutes to start.
    Who is not root may set one in each tenth of a second, whoever else did.
    """
    give_up_at = time.monotonic() + _GROUP_WITHIN_S
    while time.monotonic() < give_up_at:
        try:
            with open(GROUP_FILE, "w") as group:
                group.write(str(_SESSION_NICENESS))
        except BlockingIOError:
            time.sleep(0.03)
        except OSError:  # not a Linux that shares by session
            return
        else:
            return


def ask_for_turns_of(nanoseconds: int) -> None:
    """Ask for turns of this length, between a tenth of a millisecond and a tenth of a second.

    Since Linux 6.12 who wakes with a shorter turn than that of who runs interrupts it; otherwise it may wait for four
    milliseconds. The system's own turns are of one to three. Older kernels ignore it.
    """
    number = _SET_ATTRIBUTES.get(platform.machine())
    if number is not None:
        niceness = os.getpriority(os.PRIO_PROCESS, 0)
        # struct sched_attr: size, policy (other), flags, nice, priority, runtime, deadline, period.
        attributes = struct.pack("=IIQiIQQQ", 48, 0, 0, niceness, 0, nanoseconds, 0, 0)
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).syscall(number, 0, attributes, 0)


if __name__ == "__main__":
    main()
