"""How the next token is drawn."""

from collections import Counter

import pytest
import torch

from services.model_server.batching.sampling import next_token, with_penalties
from services.model_server.jobs import Sampling


def drawn(logits: torch.Tensor, sampling: Sampling, times: int) -> list[int]:
    return [next_token(logits, sampling, torch.Generator().manual_seed(seed)) for seed in range(times)]


def test_a_nucleus_never_holds_what_lies_outside_and_a_seed_repeats() -> None:
    logits = torch.tensor([3.0, 2.9, -5.0, -5.0])
    tokens = drawn(logits, Sampling(top_p=0.9), 50)
    assert set(tokens) == {0, 1}
    assert tokens == drawn(logits, Sampling(top_p=0.9), 50)


@pytest.mark.parametrize("top_p", [1.0, 0.999])
def test_tokens_are_drawn_as_often_as_they_are_likely(top_p: float) -> None:
    chances = torch.tensor([0.5, 0.3, 0.15, 0.05])
    counts = Counter(drawn(chances.log(), Sampling(top_p=top_p), 2000))
    for token, chance in enumerate(chances.tolist()):
        assert counts[token] / 2000 == pytest.approx(chance, abs=0.04)


def test_a_nucleus_wider_than_the_first_few_hundred_tokens_is_whole() -> None:
    tokens = drawn(torch.zeros(2000), Sampling(top_p=0.95), 400)
    assert len(set(tokens)) > 300


@pytest.mark.parametrize("top_p", [1.0, 0.5])
def test_a_forbidden_token_is_never_drawn(top_p: float) -> None:
    logits = torch.full((500,), -torch.inf)
    logits[[3, 400]] = torch.tensor([0.0, 0.1])
    assert set(drawn(logits, Sampling(top_p=top_p), 60)) <= {3, 400}


def test_no_temperature_takes_the_likeliest() -> None:
    assert drawn(torch.tensor([0.0, 2.0, 1.0]), Sampling(temperature=0), 5) == [1] * 5


def test_penalties_are_openais() -> None:
    logits = torch.tensor([1.0, 2.0, 3.0])
    penalised = with_penalties(logits, Sampling(frequency=0.5, presence=0.25), {2: 3, 0: 1})
    assert penalised.tolist() == pytest.approx([0.25, 2.0, 1.25])
    assert logits.tolist() == [1.0, 2.0, 3.0]
