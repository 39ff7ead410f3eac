"""The model's thread: commands first, then one batch of choices, then one step of the texts, and again."""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any

from services.model_server.batching.batch import Batch
from services.model_server.batching.rows import Language
from services.model_server.batching.texts import Texts
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
        self._texts: Any = None
        self._leaving: set[str] = set()
        self._prefixes: dict[str, PrefixMemory] = {}

    def equip(self, model: Any, language: Language) -> None:
        """Take the model, once, before the first round."""
        self._adapters = ResidentAdapters(model)
        self._texts = Texts(self._adapters, language, self._room.limits, token_bytes=_token_bytes(model))

    def run(self, stopping: threading.Event) -> None:
        """Work until told to stop; a failing batch fails its own jobs only."""
        while not stopping.is_set():
            if not self._texts.jobs:
                self._room.wait(_IDLE_S)
            self.round()

    def round(self) -> None:
        """Do what is to be done now, each kind of work once."""
        for command in self._room.take_commands():
            command()
        choices = self._room.take_choices()
        self._guarded(partial(self._choose, choices), choices)
        texts = self._texts.take_from(self._room)
        self._guarded(partial(self._texts.begin, texts), texts)
        for batch in self._texts.batches:
            self._guarded(partial(self._write, batch), batch.jobs, batch)
            if not batch.jobs:
                self._texts.drop(batch)
        self._measures.in_progress(running=len(self._texts.jobs), waiting=len(self._room))
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

    def _guarded(self, work: Callable[[], None], jobs: list[Job], batch: Batch | None = None) -> None:
        if not jobs:
            return
        try:
            work()
        except Exception:  # noqa: BLE001  # one batch's failure must not end the thread
            _log.exception("a batch of %s failed", len(jobs))
            if batch:
                self._texts.drop(batch)
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

    def _write(self, batch: Batch) -> None:
        begun, rows = time.perf_counter(), batch.written
        batch.round(self._adapters)
        if rows:
            self._measures.step(rows, time.perf_counter() - begun)

    def _let_leave(self) -> None:
        for slot in list(self._leaving):
            if not self._room.uses(slot) and not self._texts.uses(slot):
                self._adapters.unload(slot)
                self._prefixes.pop(slot, None)
                self._leaving.discard(slot)


def _token_bytes(model: Any) -> int:
    """Return what attention keeps of one token, in all layers."""
    shape = model.config
    width = getattr(shape, "head_dim", None) or shape.hidden_size // shape.num_attention_heads
    return int(2 * shape.num_hidden_layers * shape.num_key_value_heads * width * model.dtype.itemsize)
