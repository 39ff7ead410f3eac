"""A session for everything that yields, so that the machine's other users see one and not one for each process."""

import os
import signal
import sys
from pathlib import Path

from services.embedded.leash import GROUP_FILE, die_with, session_yields

_PASSED_ON = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


def move_to_background() -> None:
    """Go on in a child with a session of its own that yields to others, for as long as this process waits for it.

    Returns in the child only. The process that called passes SIGINT, SIGTERM and SIGHUP on, ends with the
    child's status, and takes the child with it when it is killed (Linux). To be called while no other thread runs.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    signal.pthread_sigmask(signal.SIG_BLOCK, {*_PASSED_ON, signal.SIGCHLD})
    front = os.getpid()
    child = os.fork()
    if child:
        os._exit(_status_of(child))
    os.setsid()
    die_with(front)
    session_yields()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {*_PASSED_ON, signal.SIGCHLD})


def _status_of(child: int) -> int:
    while True:
        number = signal.sigwait({*_PASSED_ON, signal.SIGCHLD})
        if number != signal.SIGCHLD:
            os.kill(child, number)
            continue
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def in_background() -> bool:
    """Tell whether this process's session yields to others already (Linux that shares the processor out by session)."""
    try:
        niceness = int(Path(GROUP_FILE).read_text().rpartition("nice ")[2])
    except (OSError, ValueError):
        return False
    return niceness > 0
