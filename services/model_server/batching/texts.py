"""Every text that is being written: one batch for the adapters that mix, one each for those that don't."""

from collections import defaultdict
from collections.abc import Sequence

from services.model_server.batching.batch import Batch
from services.model_server.batching.rows import Language
from services.model_server.jobs import Job
from services.model_server.waiting import Limits, WaitingRoom
from services.models.adapters import ResidentAdapters


class Texts:
    """Admits what fits, by rows and by memory. For the model's thread."""

    def __init__(self, adapters: ResidentAdapters, language: Language, limits: Limits, *, token_bytes: int) -> None:
        self._adapters, self._language, self._limits = adapters, language, limits
        self._tokens = limits.memory_bytes // token_bytes
        self._batches: dict[str, Batch] = {}

    @property
    def jobs(self) -> list[Job]:
        """The jobs that are not over."""
        return [job for batch in self._batches.values() for job in batch.jobs]

    @property
    def batches(self) -> list[Batch]:
        """The batches that have something to do."""
        return list(self._batches.values())

    def uses(self, slot: str) -> bool:
        """Tell whether an adapter still answers."""
        return any(job.slot == slot for job in self.jobs)

    def take_from(self, room: WaitingRoom) -> list[Job]:
        """Take from the queue what there is room for, and return it."""
        held = self.jobs

        def fits(job: Job) -> bool:
            rows = [*held, job]
            if len(rows) > self._limits.writing or (held and self._needed(rows) > self._tokens):
                return False
            held.append(job)
            return True

        return room.take_texts(fits)

    def begin(self, jobs: Sequence[Job]) -> None:
        """Let texts join the batches of their adapters."""
        for key, its in self._by_batch(jobs).items():
            new = Batch(self._language, reading_tokens=self._limits.reading_tokens)
            self._batches.setdefault(key, new).admit(its)

    def drop(self, batch: Batch) -> None:
        """Forget a batch that has nothing to do, or that failed."""
        self._batches = {key: held for key, held in self._batches.items() if held is not batch}

    def _needed(self, jobs: Sequence[Job]) -> int:
        """Return the tokens of memory that these come to: in a batch every row has a place for the longest."""
        return sum(len(its) * max(job.longest for job in its) for its in self._by_batch(jobs).values())

    def _by_batch(self, jobs: Sequence[Job]) -> dict[str, list[Job]]:
        batches: dict[str, list[Job]] = defaultdict(list)
        for job in jobs:
            batches["" if self._adapters.mixes(job.slot) else job.slot].append(job)
        return batches
