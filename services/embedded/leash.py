"""Run as a script before a child: ties its life to the supervisor's, then becomes it.

`python leash.py PARENT COMMAND...` asks Linux to kill this process when the thread that started it
ends, and replaces itself with COMMAND, which keeps that promise. Elsewhere it only replaces itself.
A script with the standard library alone, because it runs before every child (15 ms).
"""

import contextlib
import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Tie, make sure that the parent has not gone meanwhile, become the command."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606  # no shell is the point


if __name__ == "__main__":
    main()
