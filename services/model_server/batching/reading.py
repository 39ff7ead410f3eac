"""Prompts on their way into a batch: read together, some columns at a time, so that rows being written go on."""

from collections.abc import Sequence
from typing import Any

import torch
from transformers import DynamicCache

from services.model_server.jobs import Job

_IGNORED = 0


class Reading:
    """A few prompts, padded on the right: under causal attention no token sees the padding, so none needs a mask."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.jobs = list(jobs)
        self.cache = DynamicCache()
        longest = max(len(job.prompt) for job in jobs)
        self._ids = torch.tensor([[*job.prompt, *[_IGNORED] * (longest - len(job.prompt))] for job in jobs])
        self._last: list[torch.Tensor | None] = [None] * len(jobs)
        self._at = 0

    @property
    def over(self) -> bool:
        """Whether all is read."""
        return self._at == self._ids.shape[1]

    @property
    def hidden(self) -> torch.Tensor:
        """The hidden states of the prompts' last tokens, once all is read, (rows, width)."""
        return torch.stack([state for state in self._last if state is not None])

    def step(self, inner: Any, tokens: int) -> None:
        """Read the next columns, as many as come to so many tokens."""
        end = min(self._at + max(1, tokens // len(self.jobs)), self._ids.shape[1])
        states = inner(
            input_ids=self._ids[:, self._at : end], past_key_values=self.cache, use_cache=True
        ).last_hidden_state
        for row, job in enumerate(self.jobs):
            if self._at < len(job.prompt) <= end:
                self._last[row] = states[row, len(job.prompt) - 1 - self._at]
        self._at = end
