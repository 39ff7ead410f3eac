"""The next token of one row. Pure, but for the row's own chance."""

from collections.abc import Mapping

import torch

from services.model_server.jobs import Sampling

# A nucleus is nearly always among so many; the whole vocabulary is sorted for the rest.
_FIRST = 256


def next_token(logits: torch.Tensor, sampling: Sampling, chance: torch.Generator) -> int:
    """Return a token drawn by temperature and nucleus (Holtzman et al. 2020); logits is (vocabulary,).

    One number is drawn for each token, so a seed gives the same text whatever else is in the batch.
    """
    if sampling.temperature == 0:
        return int(logits.argmax())
    chances = torch.softmax(logits / sampling.temperature, dim=-1)
    drawn = torch.rand(1, generator=chance, dtype=torch.float64)
    if sampling.top_p == 1:
        return _at(chances, drawn)
    likeliest, order = chances.topk(min(_FIRST, len(chances)))
    if float(likeliest.sum()) < sampling.top_p:
        likeliest, order = chances.sort(descending=True)
    nucleus = likeliest * (likeliest.cumsum(0) - likeliest < sampling.top_p)
    return int(order[_at(nucleus, drawn)])


def with_penalties(logits: torch.Tensor, sampling: Sampling, counts: Mapping[int, int]) -> torch.Tensor:
    """Return the logits with OpenAI's penalties for what the answer has already; counts are tokens of the answer."""
    if not counts or (sampling.frequency == 0 and sampling.presence == 0):
        return logits
    tokens = torch.tensor(list(counts))
    times = torch.tensor(list(counts.values()), dtype=logits.dtype)
    return logits.index_add(0, tokens, -(sampling.frequency * times + sampling.presence))


def _at(weights: torch.Tensor, drawn: torch.Tensor) -> int:
    """Return the position that a number in [0, 1) falls on; never one of weight 0."""
    sums = weights.double().cumsum(0)
    at = int(torch.searchsorted(sums, drawn * sums[-1], right=True))
    return min(at, int(weights.nonzero()[-1]))
