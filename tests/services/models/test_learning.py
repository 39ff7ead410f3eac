"""The tiny model of the end-to-end tests can be taught, and taught again after a shift."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from torch.nn.functional import cross_entropy

from services.models.base import load_base
from services.models.choices import choice_ids, choice_probabilities, last_hidden, prompt_ids
from tests.fixtures.tiny_model import LABEL, Kind, messages_of, synthetic_prompts

CHOICES = ("safe", "unsafe")
STEPS = 100

Row = tuple[str, str]


def rows_of(kinds: Sequence[Kind], n: int) -> list[Row]:
    return [(prompt, LABEL[kind]) for kind in kinds for prompt in synthetic_prompts(kind, n, seed=1)]


def teach(model: Any, tokenizer: Any, rows: Sequence[Row]) -> None:
    chance = random.Random(0)
    answers = [ids[0] for ids in choice_ids(tokenizer, CHOICES)]
    head = model.get_base_model().get_output_embeddings().weight[answers]
    optimizer = torch.optim.AdamW([weight for weight in model.parameters() if weight.requires_grad], lr=3e-3)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, STEPS)
    model.train()
    for _ in range(STEPS):
        batch = chance.sample(rows, 8)
        prompts = [prompt_ids(tokenizer, messages_of(prompt)) for prompt, _ in batch]
        last = last_hidden(model, prompts)[torch.arange(8), [len(prompt) - 1 for prompt in prompts]]
        loss = cross_entropy(last @ head.T, torch.tensor([CHOICES.index(label) for _, label in batch]))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it unannotated
        optimizer.step()
        schedule.step()
    model.eval()


def accuracy(model: Any, tokenizer: Any, kind: Kind) -> float:
    conversations = [messages_of(prompt) for prompt in synthetic_prompts(kind, 60, seed=99)]
    chances = choice_probabilities(model, tokenizer, conversations, CHOICES)
    return float((chances.argmax(axis=1) == CHOICES.index(LABEL[kind])).mean())


def test_a_shift_breaks_what_was_learnt_and_feedback_mends_it(tiny_model: Path) -> None:
    torch.manual_seed(0)
    base, tokenizer = load_base(tiny_model)
    lora = LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
    model = get_peft_model(base, lora)

    earlier = rows_of(("injection", "benign"), 150)
    teach(model, tokenizer, earlier)
    assert accuracy(model, tokenizer, "injection") > 0.9
    assert accuracy(model, tokenizer, "benign") > 0.9
    assert accuracy(model, tokenizer, "harmful") < 0.5

    teach(model, tokenizer, rows_of(("harmful", "lookalike"), 75) + earlier[75:225])
    for kind in LABEL:
        assert accuracy(model, tokenizer, kind) > 0.9, kind
