"""A shared beginning is read once and changes no answer."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.models.base import load_base
from services.models.choices import choice_ids, probabilities_of, prompt_ids
from services.models.prefixes import SHORTEST, PrefixMemory, common_beginning
from tests.fixtures.tiny_model import messages_of, synthetic_prompts

Rows = list[list[int]]


class Reader:
    """Stands for the inner model and counts how often a prefix is read."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.reads = 0

    def __call__(self, **inputs: Any) -> Any:
        self.reads += 1
        return self._inner(**inputs)


@given(st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=8), min_size=1, max_size=5))
def test_the_common_beginning_begins_every_row_leaves_a_token_and_could_not_be_longer(rows: Rows) -> None:
    shared = list(common_beginning(rows))
    assert all(row[: len(shared)] == shared and len(row) > len(shared) for row in rows)
    longer = {tuple(row[: len(shared) + 1]) for row in rows}
    assert len(longer) > 1 or min(map(len, rows)) == len(shared) + 1


@pytest.mark.parametrize("choices", [("safe", "unsafe"), ("safe garden", "safe river")])
def test_answers_are_the_same_with_and_without_a_remembered_prefix(tiny_model: Path, choices: tuple[str, ...]) -> None:
    model, tokenizer = load_base(tiny_model)
    model.float()  # the type that is fastest here may be bfloat16, whose rounding hides what is compared
    prompts = [prompt_ids(tokenizer, messages_of(text)) for text in ("soup", *synthetic_prompts("harmful", 6, 1))]
    answers = choice_ids(tokenizer, choices)
    alone = np.concatenate([probabilities_of(model, [prompt], answers) for prompt in prompts])
    np.testing.assert_allclose(probabilities_of(model, prompts, answers, batch_size=3), alone, atol=1e-4)
    memory = PrefixMemory()
    again = np.concatenate([probabilities_of(model, [prompt], answers, memory=memory) for prompt in prompts])
    np.testing.assert_allclose(again, alone, atol=1e-4)


def test_a_prefix_is_read_once_and_only_ever_shrinks(tiny_model: Path) -> None:
    reader, memory = Reader(load_base(tiny_model)[0].base_model), PrefixMemory()
    instruction = list(range(4, 4 + SHORTEST))
    assert memory.recall(reader, [[*instruction, 50, 51, 60]]) is None
    longer = memory.recall(reader, [[*instruction, 50, 51, 61]])
    assert longer is not None
    assert longer.ids == (*instruction, 50, 51)
    shorter = memory.recall(reader, [[*instruction, 70, 71]])
    assert shorter is not None
    assert shorter.ids == tuple(instruction)
    assert shorter.layers[0][0].shape[2] == SHORTEST
    assert memory.recall(reader, [[*instruction, 50, 51, 60]]) == shorter
    assert reader.reads == 1


def test_calls_of_another_kind_make_it_forget_and_learn_anew(tiny_model: Path) -> None:
    reader, memory = Reader(load_base(tiny_model)[0].base_model), PrefixMemory()
    rows = [[*range(4, 20), 50], [*range(4, 20), 51]]
    assert memory.recall(reader, rows) is not None
    assert memory.recall(reader, [[30, 31, 32]]) is None
    assert memory.recall(reader, rows) is None
    assert memory.recall(reader, rows) is not None
    assert reader.reads == 2
