"""The one child process in which a job is done: started, watched, never two at a time."""

import subprocess
import sys


class Worker:
    """A job's process. It ends with this one, by the pipe it reads from, even if this one is killed."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        command = [sys.executable, "-m", "training.jobs.job", job_id, "--leashed"]
        # A group of its own: Ctrl-C in a terminal is for the service, which ends it in order. No session of its
        # own: Linux may share the processor out by session, and this one yields to others.
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE, process_group=0)  # noqa: S603

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._child.pid

    @property
    def exit_code(self) -> int | None:
        """Its exit status, None while it runs."""
        return self._child.poll()

    def close(self) -> None:
        """End it now; whoever takes the job up goes on from its last checkpoint."""
        self._child.kill()
        self._child.wait()
        if self._child.stdin is not None:
            self._child.stdin.close()
