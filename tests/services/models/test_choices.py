"""Scoring by choice agrees with the full model and does not depend on how rows are batched."""

from pathlib import Path

import numpy as np
import pytest
import torch

from services.models.base import load_base
from services.models.choices import choice_ids, choice_probabilities, prompt_ids
from tests.fixtures.tiny_model import messages_of, synthetic_prompts

CHOICES = ("safe", "unsafe")


def test_probabilities_equal_those_of_the_full_head(tiny_model: Path) -> None:
    model, tokenizer = load_base(tiny_model)
    conversation = messages_of("how do i river the soup")
    with torch.inference_mode():
        logits = model(torch.tensor([prompt_ids(tokenizer, conversation)])).logits[0, -1]
    wanted = logits[[ids[0] for ids in choice_ids(tokenizer, CHOICES)]].float().softmax(0).numpy()
    np.testing.assert_allclose(choice_probabilities(model, tokenizer, [conversation], CHOICES)[0], wanted, atol=2e-2)


def test_rows_of_different_length_keep_their_order_whatever_the_batch(tiny_model: Path) -> None:
    model, tokenizer = load_base(tiny_model)
    conversations = [messages_of("soup " * length) for length in (30, 2, 17, 9, 1)]
    together = choice_probabilities(model, tokenizer, conversations, CHOICES, batch_size=2)
    alone = [choice_probabilities(model, tokenizer, [one], CHOICES)[0] for one in conversations]
    np.testing.assert_allclose(together, alone, atol=2e-2)
    np.testing.assert_allclose(together.sum(axis=1), 1)


def test_choices_that_begin_alike_are_scored_as_whole_sequences(tiny_model: Path) -> None:
    model, tokenizer = load_base(tiny_model)
    choices = ("safe garden", "safe river", "unsafe")
    prompt = prompt_ids(tokenizer, messages_of("please explain soup"))
    got = choice_probabilities(model, tokenizer, [messages_of("please explain soup")], choices)[0]
    scores = []
    for answer in choice_ids(tokenizer, choices):
        with torch.inference_mode():
            chances = model(torch.tensor([prompt + answer])).logits[0].float().log_softmax(-1)
        scores.append(sum(chances[len(prompt) - 1 + at, token] for at, token in enumerate(answer)))
    np.testing.assert_allclose(got, torch.stack(scores).softmax(0).numpy(), atol=2e-2)


def test_no_conversations_give_no_rows(tiny_model: Path) -> None:
    model, tokenizer = load_base(tiny_model)
    assert choice_probabilities(model, tokenizer, [], CHOICES).shape == (0, 2)


@pytest.mark.parametrize("choices", [("safe",), ("safe", ""), ("safe", "safe")])
def test_choices_that_are_no_choice_are_refused(tiny_model: Path, choices: tuple[str, ...]) -> None:
    _, tokenizer = load_base(tiny_model)
    with pytest.raises(ValueError, match="choices must be"):
        choice_ids(tokenizer, choices)


def test_synthetic_prompts_are_distinct_and_repeatable() -> None:
    prompts = synthetic_prompts("harmful", 200, seed=3)
    assert len(set(prompts)) == 200
    assert prompts == synthetic_prompts("harmful", 200, seed=3)
    assert prompts != synthetic_prompts("harmful", 200, seed=4)
