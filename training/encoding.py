"""Examples as token rows: the prompt as serving encodes it, then the answer, which alone is learnt."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from services.models.choices import prompt_ids

IGNORED = -100


@dataclass(frozen=True, slots=True)
class Lesson:
    """A chat and the answer it should have had."""

    chat: Sequence[dict[str, str]]
    answer: str


def encode(tokenizer: Any, lessons: Sequence[Lesson], *, max_tokens: int) -> list[dict[str, Any]]:
    """Return one row a lesson for a Trainer: input_ids, labels (IGNORED on the prompt) and length.

    A user message longer than `max_tokens` tokens is cut, so that one long prompt can't fill the memory.
    """
    return [_row(tokenizer, lesson, max_tokens) for lesson in lessons]


def collate(rows: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
    """Return a batch padded on the right. Causal attention never looks there, so no mask is needed."""
    longest = max(len(row["input_ids"]) for row in rows)
    return {
        "input_ids": torch.tensor([_padded(row["input_ids"], longest, 0) for row in rows]),
        "labels": torch.tensor([_padded(row["labels"], longest, IGNORED) for row in rows]),
    }


def _row(tokenizer: Any, lesson: Lesson, max_tokens: int) -> dict[str, Any]:
    prompt = prompt_ids(tokenizer, [_cut(tokenizer, message, max_tokens) for message in lesson.chat])
    answer = [*tokenizer(lesson.answer, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
    ids = [*prompt, *answer]
    return {"input_ids": ids, "labels": [IGNORED] * len(prompt) + answer, "length": len(ids)}


def _cut(tokenizer: Any, message: dict[str, str], max_tokens: int) -> dict[str, str]:
    ids = tokenizer(message["content"], add_special_tokens=False)["input_ids"]
    if message["role"] != "user" or len(ids) <= max_tokens:
        return message
    return {**message, "content": tokenizer.decode(ids[:max_tokens])}


def _padded(values: Sequence[int], length: int, filling: int) -> list[int]:
    return [*values, *[filling] * (length - len(values))]
