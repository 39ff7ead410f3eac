"""Free text by decoding: a group of rows of one adapter, one token a row at each step."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import torch
from transformers import DynamicCache

from services.model_server.jobs import Ended, Job, Said, Sampling
from services.model_server.writing import Writing
from services.models.choices import causal_model


class Generation:
    """Rows that started together. Rows that are over or cancelled leave the group."""

    def __init__(self, jobs: Sequence[Job], decode: Callable[[Sequence[int]], str], ends: Collection[int]) -> None:
        self.slot = jobs[0].slot
        self._rows = [_Row(job, decode, ends) for job in jobs]
        longest = max(len(job.prompt) for job in jobs)
        self._ids = torch.tensor([[0] * (longest - len(job.prompt)) + list(job.prompt) for job in jobs])
        self._mask = torch.tensor([[0] * (longest - len(j.prompt)) + [1] * len(j.prompt) for j in jobs])
        self._cache = DynamicCache()

    @property
    def jobs(self) -> list[Job]:
        """The jobs that are not over."""
        return [row.job for row in self._rows]

    def step(self, model: Any) -> None:
        """Write one more token of every row and deliver what it shows."""
        positions = (self._mask.cumsum(1) - 1).clamp(min=0)[:, -self._ids.shape[1] :]
        with torch.inference_mode():
            inner = causal_model(model).base_model(
                input_ids=self._ids,
                attention_mask=self._mask,
                position_ids=positions,
                past_key_values=self._cache,
                use_cache=True,
            )
            logits = causal_model(model).get_output_embeddings()(inner.last_hidden_state[:, -1]).float()
        tokens = [row.take(logits[at]) for at, row in enumerate(self._rows)]
        self._keep([at for at, row in enumerate(self._rows) if not row.over], tokens)

    def _keep(self, rows: list[int], tokens: list[int]) -> None:
        if len(rows) < len(self._rows):
            self._cache.batch_select_indices(torch.tensor(rows, dtype=torch.long))
        self._rows = [self._rows[at] for at in rows]
        self._ids = torch.tensor([[tokens[at]] for at in rows], dtype=torch.long)
        self._mask = torch.cat([self._mask[rows], torch.ones(len(rows), 1, dtype=self._mask.dtype)], dim=1)


class _Row:
    def __init__(self, job: Job, decode: Callable[[Sequence[int]], str], ends: Collection[int]) -> None:
        self.job = job
        self._writing = Writing(decode, ends, job.sampling.stop, job.sampling.max_tokens)
        self._chance = torch.Generator()
        if job.sampling.seed is None:
            self._chance.seed()
        else:
            self._chance.manual_seed(job.sampling.seed)

    @property
    def over(self) -> bool:
        return self.job.cancelled or bool(self._writing.reason)

    def take(self, logits: torch.Tensor) -> int:
        token = next_token(logits, self.job.sampling, self._chance)
        self.job.deliver(Said(self._writing.hear(token)))
        if self._writing.reason:
            self.job.deliver(Ended(self._writing.reason, len(self._writing.tokens)))
        return token


def next_token(logits: torch.Tensor, sampling: Sampling, chance: torch.Generator) -> int:
    """Return a token drawn by temperature and nucleus (Holtzman et al. 2020); logits is (vocabulary,)."""
    if sampling.temperature == 0:
        return int(logits.argmax())
    chances, order = torch.softmax(logits / sampling.temperature, dim=-1).sort(descending=True)
    nucleus = chances * (chances.cumsum(0) - chances < sampling.top_p)
    return int(order[torch.multinomial(nucleus, 1, generator=chance)])
