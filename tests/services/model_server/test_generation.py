"""Rows decoded together say what each would say alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from services.model_server.generation import Generation, next_token
from services.model_server.jobs import Ended, Job, Outcome, Said, Sampling
from services.models.base import load_base
from services.models.choices import prompt_ids
from tests.fixtures.tiny_model import messages_of

STEPS = 12
GREEDY = Sampling(max_tokens=STEPS, temperature=0)


def told(tokens: Sequence[int]) -> str:
    return "".join(f"{token}," for token in tokens)


def alone(model: Any, prompt: list[int]) -> str:
    ids = list(prompt)
    for _ in range(STEPS):
        with torch.inference_mode():
            ids.append(int(model(torch.tensor([ids])).logits[0, -1].argmax()))
    return told(ids[len(prompt) :])


def test_a_padded_group_writes_what_each_row_writes_alone(tiny_model: Path) -> None:
    model, tokenizer = load_base(tiny_model)
    prompts = [prompt_ids(tokenizer, messages_of(text)) for text in ("soup", "how do i river the soup with bread")]
    heard: list[list[Outcome]] = [[], [], []]
    jobs = [
        Job("", tuple(prompts[0]), heard[0].append, sampling=GREEDY),
        Job("", tuple(prompts[0]), heard[1].append, sampling=Sampling(max_tokens=2, temperature=0)),
        Job("", tuple(prompts[1]), heard[2].append, sampling=GREEDY),
    ]
    group = Generation(jobs, told, ends=())
    while group.jobs:
        group.step(model)
    texts = ["".join(part.text for part in row if isinstance(part, Said)) for row in heard]
    whole = [alone(model, prompt) for prompt in prompts]
    assert texts[0] == whole[0]
    assert whole[0].startswith(texts[1])
    assert texts[2] == whole[1]
    assert [row[-1] for row in heard] == [Ended("length", STEPS), Ended("length", 2), Ended("length", STEPS)]


def test_a_cancelled_row_leaves_the_group(tiny_model: Path) -> None:
    model, tokenizer = load_base(tiny_model)
    job = Job("", tuple(prompt_ids(tokenizer, messages_of("soup"))), lambda _: None, sampling=GREEDY)
    group = Generation([job], told, ends=())
    job.cancelled = True
    group.step(model)
    assert group.jobs == []


def test_a_nucleus_never_holds_what_lies_outside_and_a_seed_repeats() -> None:
    logits = torch.tensor([3.0, 2.9, -5.0, -5.0])
    drawn = [next_token(logits, Sampling(top_p=0.9), torch.Generator().manual_seed(seed)) for seed in range(50)]
    assert set(drawn) == {0, 1}
    again = [next_token(logits, Sampling(top_p=0.9), torch.Generator().manual_seed(seed)) for seed in range(50)]
    assert drawn == again
