"""Continuous batching: texts join between two steps and leave when they are over (Yu et al. 2022, Orca)."""

from collections.abc import Sequence

import torch

from services.model_server.batching.memory import RowMemory
from services.model_server.batching.reading import Reading
from services.model_server.batching.rows import Language, Row
from services.model_server.jobs import Job
from services.models.adapters import ResidentAdapters
from services.models.choices import causal_model


class Batch:
    """Rows that are written together, each with its adapter, and prompts that are read before they join."""

    def __init__(self, language: Language, *, reading_tokens: int) -> None:
        self._language, self._reading_tokens = language, reading_tokens
        self._rows: list[Row] = []
        self._memory = RowMemory()
        self._readings: list[Reading] = []

    @property
    def jobs(self) -> list[Job]:
        """The jobs that are not over."""
        read = [job for reading in self._readings for job in reading.jobs]
        return [row.job for row in self._rows] + read

    @property
    def written(self) -> int:
        """Rows that one step writes now."""
        return len(self._rows)

    def admit(self, jobs: Sequence[Job]) -> None:
        """Take jobs; short prompts are read together, as many as come to one round's tokens."""
        group: list[Job] = []
        for job in jobs:
            longest = max(len(other.prompt) for other in [*group, job])
            if group and longest * (len(group) + 1) > self._reading_tokens:
                self._readings.append(Reading(group))
                group = []
            group.append(job)
        if group:
            self._readings.append(Reading(group))

    def round(self, adapters: ResidentAdapters) -> None:
        """Write one more token of every row, then read on: nobody who waits to be read holds up those who write."""
        with torch.inference_mode():
            self._drop_cancelled()
            if self._rows:
                self._write(adapters)
            if self._readings:
                self._read(adapters)

    def _write(self, adapters: ResidentAdapters) -> None:
        ids = torch.tensor([[row.token] for row in self._rows])
        positions, mask = self._memory.positions, self._memory.mask
        with adapters.answering_rows([row.job.slot for row in self._rows]) as model:
            hidden = (
                causal_model(model)
                .base_model(
                    input_ids=ids,
                    attention_mask=mask,
                    position_ids=positions,
                    past_key_values=self._memory.cache(),
                    use_cache=True,
                )
                .last_hidden_state[:, -1]
            )
            logits = causal_model(model).get_output_embeddings()(hidden).float()
        self._take(self._rows, logits)

    def _read(self, adapters: ResidentAdapters) -> None:
        reading = self._readings[0]
        with adapters.answering_rows([job.slot for job in reading.jobs]) as model:
            reading.step(causal_model(model).base_model, self._reading_tokens)
            if not reading.over:
                return
            logits = causal_model(model).get_output_embeddings()(reading.hidden).float()
        del self._readings[0]
        rows = [Row(job, self._language) for job in reading.jobs]
        self._memory.join(reading.cache, range(len(rows)), [len(job.prompt) for job in reading.jobs])
        self._rows += rows
        self._take(rows, logits)

    def _take(self, rows: Sequence[Row], logits: torch.Tensor) -> None:
        for row, its in zip(rows, logits, strict=True):
            row.take(its)
        self._drop_those_over()

    def _drop_those_over(self) -> None:
        for at in reversed(range(len(self._rows))):
            if self._rows[at].over:
                self._memory.leave(at)
                last = self._rows.pop()
                if at < len(self._rows):
                    self._rows[at] = last

    def _drop_cancelled(self) -> None:
        self._drop_those_over()
        self._readings = [reading for reading in self._readings if not all(job.cancelled for job in reading.jobs)]
