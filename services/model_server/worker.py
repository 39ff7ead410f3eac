"""The model's thread: commands first, then one batch of choices, then one step of every text, and again."""

import logging
import threading
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any

from services.model_server.generation import Generation
from services.model_server.jobs import Broke, Chosen, Job
from services.model_server.measures import Measures
from services.model_server.waiting import WaitingRoom
from services.models.adapters import ResidentAdapters
from services.models.choices import probabilities_of
from services.models.prefixes import PrefixMemory

_log = logging.getLogger(__name__)
_IDLE_S = 0.5


class Worker:
    """Owns the model; nobody else touches it.

    Adapters are loaded between two batches. An unloaded adapter leaves once no job that was accepted
    for it is left.
    """

    def __init__(self, room: WaitingRoom, measures: Measures) -> None:
        self._room = room
        self._measures = measures
        self._adapters: Any = None
        self._decode: Callable[[Sequence[int]], str] = lambda _: ""
        self._ends: Collection[int] = ()
        self._leaving: set[str] = set()
        self._texts: list[Generation] = []
        self._prefixes: dict[str, PrefixMemory] = {}

    def equip(self, model: Any, decode: Callable[[Sequence[int]], str], ends: Collection[int]) -> None:
        """Take the model, once, before the first round."""
        self._adapters, self._decode, self._ends = ResidentAdapters(model), decode, ends

    def run(self, stopping: threading.Event) -> None:
        """Work until told to stop; a failing batch fails its own jobs only."""
        while not stopping.is_set():
            if not self._texts:
                self._room.wait(_IDLE_S)
            self.round()

    def round(self) -> None:
        """Do what is to be done now, each kind of work once."""
        for command in self._room.take_commands():
            command()
        limits = self._room.limits
        self._guarded(self._choose, self._room.take(choosing=True, at_most=limits.batch))
        free = limits.writing - sum(len(text.jobs) for text in self._texts)
        if free > 0:
            self._guarded(self._begin, self._room.take(choosing=False, at_most=free))
        for text in list(self._texts):
            self._guarded(partial(self._write, text), text.jobs)
        self._texts = [text for text in self._texts if text.jobs]
        self._measures.in_progress(running=sum(len(text.jobs) for text in self._texts), waiting=len(self._room))
        self._let_leave()

    def load(self, slot: str, folder: Path) -> Future[None]:
        """Ask for an adapter; the future ends with AdapterUnfit if it is none for this model."""
        future: Future[None] = Future()

        def command() -> None:
            try:
                self._adapters.load(slot, folder)
            except Exception as error:  # noqa: BLE001  # the caller gets it; the thread goes on
                future.set_exception(error)
            else:
                future.set_result(None)

        self._room.command(command)
        return future

    def unload(self, slot: str) -> None:
        """Let an adapter go as soon as nobody uses it."""
        self._room.command(lambda: self._leaving.add(slot))

    def _guarded(self, work: Callable[[list[Job]], None], jobs: list[Job]) -> None:
        if not jobs:
            return
        try:
            work(jobs)
        except Exception:  # noqa: BLE001  # one batch's failure must not end the thread
            _log.exception("a batch of %s failed", len(jobs))
            self._texts = [text for text in self._texts if not set(text.jobs) & set(jobs)]
            for job in jobs:
                job.deliver(Broke())

    def _choose(self, jobs: list[Job]) -> None:
        begun = time.perf_counter()
        slot, prompts = jobs[0].slot, [job.prompt for job in jobs]
        memory = self._prefixes.setdefault(slot, PrefixMemory())
        with self._adapters.answering(slot) as model:
            chances = probabilities_of(model, prompts, jobs[0].answers, batch_size=len(jobs), memory=memory)
        for job, row in zip(jobs, chances, strict=True):
            job.deliver(Chosen(int(row.argmax())))
        self._measures.batch(len(jobs), time.perf_counter() - begun)

    def _begin(self, jobs: list[Job]) -> None:
        self._texts.append(Generation(jobs, self._decode, self._ends))

    def _write(self, text: Generation, _: list[Job]) -> None:
        with self._adapters.answering(text.slot) as model:
            text.step(model)

    def _let_leave(self) -> None:
        for slot in list(self._leaving):
            if not self._room.uses(slot) and all(text.slot != slot for text in self._texts):
                self._adapters.unload(slot)
                self._prefixes.pop(slot, None)
                self._leaving.discard(slot)
