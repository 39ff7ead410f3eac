"""Examples as token rows: the prompt as serving encodes it, then the answer, which alone is learnt."""

from collections.abc import Sequence
from typing import Any

import torch

from services.models.choices import choice_ids, prompt_ids, written_ids
from training.data.dataset import Example

IGNORED = -100
Row = dict[str, Any]


def encode(
    tokenizer: Any, examples: Sequence[Example], choices: Sequence[str], *, max_tokens: int, whole: bool
) -> list[Row]:
    """Return one row an example for a Trainer: input_ids, labels (IGNORED on the prompt) and length.

    A user message longer than `max_tokens` tokens is cut, so that one long prompt can't fill the memory.

    Args:
        tokenizer: The base model's.
        examples: Their labels are among the choices.
        choices: Every possible answer; they decide which of its tokens tell an answer apart.
        max_tokens: Of a user message.
        whole: Whether answers stand there as they are written, with their end mark, or only what tells them apart.
    """
    ids = (written_ids if whole else choice_ids)(tokenizer, choices)
    answers = dict(zip(choices, ids, strict=True))
    return [_row(tokenizer, example.chat, answers[example.label], max_tokens) for example in examples]


def telling_tokens(tokenizer: Any, choices: Sequence[str]) -> list[int] | None:
    """Return the tokens among which a single one is the answer, None where answers take several."""
    answers = choice_ids(tokenizer, choices)
    return [answer[0] for answer in answers] if all(len(answer) == 1 for answer in answers) else None


def collate(rows: Sequence[Row]) -> dict[str, torch.Tensor]:
    """Return a batch padded on the right. Causal attention never looks there, so no mask is needed."""
    longest = max(len(row["input_ids"]) for row in rows)
    return {
        "input_ids": torch.tensor([_padded(row["input_ids"], longest, 0) for row in rows]),
        "labels": torch.tensor([_padded(row["labels"], longest, IGNORED) for row in rows]),
    }


def _row(tokenizer: Any, chat: Sequence[dict[str, str]], answer: list[int], max_tokens: int) -> Row:
    prompt = prompt_ids(tokenizer, [_cut(tokenizer, message, max_tokens) for message in chat])
    ids = [*prompt, *answer]
    return {"input_ids": ids, "labels": [IGNORED] * len(prompt) + answer, "length": len(ids)}


def _cut(tokenizer: Any, message: dict[str, str], max_tokens: int) -> dict[str, str]:
    ids = tokenizer(message["content"], add_special_tokens=False)["input_ids"]
    if message["role"] != "user" or len(ids) <= max_tokens:
        return message
    return {**message, "content": tokenizer.decode(ids[:max_tokens])}


def _padded(values: Sequence[int], length: int, filling: int) -> list[int]:
    return [*values, *[filling] * (length - len(values))]
