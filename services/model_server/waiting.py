"""The queue between the event loop and the model's thread: bounded, and handed out in batches."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile

from services.model_server.jobs import Job

Command = Callable[[], None]


class QueueFull(Exception):
    """More jobs wait than are worth keeping; come back later."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of waiting and batching.

    Attributes:
        waiting: Jobs that may wait.
        batch: Rows of one forward pass.
        batch_tokens: Tokens of one forward pass, padding included; a longer row goes alone.
        max_wait_s: How long the first job of a batch waits for company.
        writing: Free texts that are written at the same time.
        reading_tokens: Tokens of prompts that are read between two steps of the texts being written.
        memory_bytes: What attention may keep of free texts; one text alone may be larger.
    """

    waiting: int = 256
    batch: int = 16
    batch_tokens: int = 4096
    max_wait_s: float = 0.002
    writing: int = 16
    reading_tokens: int = 256
    memory_bytes: int = 512 * 1024 * 1024


class WaitingRoom:
    """Jobs and commands in order of arrival. Safe between threads."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._jobs: deque[Job] = deque()
        self._commands: deque[Command] = deque()
        self._changed = threading.Condition()

    def __len__(self) -> int:
        return len(self._jobs)

    def enter(self, jobs: Sequence[Job]) -> None:
        """Queue the jobs of one call, all or none.

        Raises:
            QueueFull: More than `limits.waiting` jobs would wait.
        """
        with self._changed:
            if len(self._jobs) + len(jobs) > self.limits.waiting:
                raise QueueFull
            self._jobs.extend(jobs)
            self._changed.notify()

    def command(self, command: Command) -> None:
        """Queue something to be done between two batches, before any job that waits."""
        with self._changed:
            self._commands.append(command)
            self._changed.notify()

    def wait(self, timeout_s: float) -> None:
        """Return when there is something to do, and a little later when a batch may still grow."""
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._commands, timeout_s)
            if self._jobs and not self._commands:
                self._changed.wait_for(self._worth_going, self.limits.max_wait_s)

    def take_commands(self) -> list[Command]:
        """Return and forget the queued commands."""
        with self._changed:
            taken = list(self._commands)
            self._commands.clear()
        return taken

    def take_choices(self) -> list[Job]:
        """Return the next batch of choices: same adapter, same answers, first come first.

        Jobs that were cancelled meanwhile are dropped.
        """
        return self._take(lambda jobs: next_batch([job for job in jobs if job.answers], self.limits))

    def take_texts(self, fits: Callable[[Job], bool]) -> list[Job]:
        """Return the texts at the head of the queue that fit; none overtakes one that has to wait for room.

        Args:
            fits: Asked of each in turn, until it says no; a job it says yes to is taken.
        """
        return self._take(lambda jobs: list(takewhile(fits, (job for job in jobs if not job.answers))))

    def _take(self, choose: Callable[[Sequence[Job]], list[Job]]) -> list[Job]:
        with self._changed:
            live = [job for job in self._jobs if not job.cancelled]
            taken = choose(live)
            chosen = set(map(id, taken))
            self._jobs = deque(job for job in live if id(job) not in chosen)
        return taken

    def uses(self, slot: str) -> bool:
        """Tell whether a waiting job is for an adapter."""
        with self._changed:
            return any(job.slot == slot for job in self._jobs)

    def _worth_going(self) -> bool:
        return len(self._jobs) >= self.limits.batch or bool(self._commands)


def next_batch(jobs: Sequence[Job], limits: Limits) -> list[Job]:
    """Return the jobs that share the first one's adapter and answers, as many as fit one pass."""
    batch: list[Job] = []
    longest = 0
    for job in jobs:
        if len(batch) == limits.batch:
            break
        if batch and (job.slot, job.answers) != (batch[0].slot, batch[0].answers):
            continue
        grown = max(longest, len(job.prompt))
        if batch and grown * (len(batch) + 1) > limits.batch_tokens:
            break
        batch.append(job)
        longest = grown
    return batch
