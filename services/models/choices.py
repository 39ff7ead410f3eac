"""A classifier's answer from a causal model: one forward pass, no decoding, no head over the whole vocabulary.

Serving and the gate both judge by these probabilities, so what is gated is what is served.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import PreTrainedTokenizerBase

from services.models.prefixes import Prefix, PrefixMemory

Conversation = Sequence[Mapping[str, str]]
Probabilities = npt.NDArray[np.float64]
_Rows = Sequence[Sequence[int]]
_IGNORED = 0


def choice_probabilities(
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    conversations: Sequence[Conversation],
    choices: Sequence[str],
    *,
    batch_size: int = 16,
) -> Probabilities:
    """Return how probable each choice is as the answer to each conversation; rows sum to 1.

    Args:
        model: A causal model or a peft model around one; its active adapter answers.
        tokenizer: The model's, with a chat template.
        conversations: n lists of chat messages, each ending with the user's turn.
        choices: k distinct answers.
        batch_size: Rows of one forward pass; conversations of like length share a pass.

    Returns:
        (n, k) float64, in the order of the arguments.
    """
    prompts = [prompt_ids(tokenizer, conversation) for conversation in conversations]
    return probabilities_of(model, prompts, choice_ids(tokenizer, choices), batch_size=batch_size)


def prompt_ids(tokenizer: PreTrainedTokenizerBase, conversation: Conversation) -> list[int]:
    """Return the tokens of a conversation up to where the assistant's answer begins."""
    ids: list[int] = tokenizer.apply_chat_template(
        [dict(message) for message in conversation], add_generation_prompt=True, tokenize=True, return_dict=False
    )
    return ids


def choice_ids(tokenizer: PreTrainedTokenizerBase, choices: Sequence[str]) -> list[list[int]]:
    """Return the tokens of each choice as an answer: the first alone where it tells the choices apart.

    Otherwise whole answers with their end mark, so that a choice which begins another is not favoured.

    Raises:
        ValueError: Fewer than two choices, an empty one, or two that the tokenizer can't tell apart.
    """
    answers = _texts(tokenizer, choices)
    if len({answer[0] for answer in answers}) == len(answers):
        return [answer[:1] for answer in answers]
    return [[*answer, tokenizer.eos_token_id] for answer in answers]


def written_ids(tokenizer: PreTrainedTokenizerBase, choices: Sequence[str]) -> list[list[int]]:
    """Return the tokens of each choice as a server writes it that is told of no constraint: whole, with its end mark.

    Raises:
        ValueError: As choice_ids.
    """
    return [[*answer, tokenizer.eos_token_id] for answer in _texts(tokenizer, choices)]


def probabilities_of(
    model: Any,
    prompts: Sequence[Sequence[int]],
    answers: Sequence[Sequence[int]],
    *,
    batch_size: int = 16,
    memory: PrefixMemory | None = None,
) -> Probabilities:
    """Return the normalised probability of each answer's tokens after each prompt's, (n, k) float64.

    What the prompts begin with in common is read once; `memory` keeps it between calls of one adapter.
    """
    scores = np.zeros((len(prompts), len(answers)))
    if not prompts:
        return scores
    score = _first_token_scores if all(len(answer) == 1 for answer in answers) else _sequence_scores
    prefix = (memory or PrefixMemory()).recall(causal_model(model).base_model, prompts)
    for rows in of_like_length(prompts, batch_size):
        with torch.inference_mode():
            scores[rows] = score(model, [prompts[row] for row in rows], answers, prefix).double().numpy()
    scores -= scores.max(axis=1, keepdims=True, initial=-np.inf)
    weights = np.exp(scores)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float64)


def last_hidden(model: Any, rows: Sequence[Sequence[int]], prefix: Prefix | None = None) -> torch.Tensor:
    """Return the inner model's hidden states, (rows, longest, width), rows padded on the right.

    Under causal attention a token never sees what stands to its right, so padding needs no mask.

    Args:
        model: A causal model or a peft model around one.
        rows: Tokens, without those of the prefix.
        prefix: What stands before every row.
    """
    longest = max(len(row) for row in rows)
    ids = torch.tensor([[*row, *[_IGNORED] * (longest - len(row))] for row in rows])
    before = {"past_key_values": prefix.cache(len(rows)), "use_cache": True} if prefix else {"use_cache": False}
    hidden: torch.Tensor = causal_model(model).base_model(input_ids=ids, **before).last_hidden_state
    return hidden


def causal_model(model: Any) -> Any:
    """Return the transformers model inside a peft model, adapters in place, or the model itself."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def _texts(tokenizer: PreTrainedTokenizerBase, choices: Sequence[str]) -> list[list[int]]:
    answers: list[list[int]] = [tokenizer(choice, add_special_tokens=False)["input_ids"] for choice in choices]
    if len(answers) < 2 or not all(answers) or len({tuple(answer) for answer in answers}) < len(answers):
        raise ValueError(f"choices must be two or more different, non-empty texts, got {len(choices)}")
    return answers


def _first_token_scores(model: Any, prompts: _Rows, answers: _Rows, prefix: Prefix | None) -> torch.Tensor:
    rows = _without(prefix, prompts)
    last = torch.tensor([len(row) - 1 for row in rows])
    hidden = last_hidden(model, rows, prefix)[torch.arange(len(rows)), last]
    head = causal_model(model).get_output_embeddings().weight
    wanted = head[torch.tensor([answer[0] for answer in answers])]
    scores: torch.Tensor = hidden.float() @ wanted.float().T
    return scores


def _sequence_scores(model: Any, prompts: _Rows, answers: _Rows, prefix: Prefix | None) -> torch.Tensor:
    rows = _without(prefix, prompts)
    head = causal_model(model).get_output_embeddings().weight
    columns = []
    for answer in answers:
        hidden = last_hidden(model, [[*row, *answer[:-1]] for row in rows], prefix)
        at = torch.tensor([[len(row) - 1 + step for step in range(len(answer))] for row in rows])
        steps = hidden[torch.arange(len(rows))[:, None], at]
        chances = torch.log_softmax((steps.to(head.dtype) @ head.T).float(), dim=-1)
        columns.append(chances.gather(-1, torch.tensor(answer).expand(len(rows), -1)[..., None]).sum((1, 2)))
    return torch.stack(columns, dim=1)


def _without(prefix: Prefix | None, rows: _Rows) -> _Rows:
    return [row[len(prefix.ids) :] for row in rows] if prefix else rows


def of_like_length(prompts: Sequence[Sequence[int]], size: int) -> Iterator[list[int]]:
    """Yield the places of prompts, `size` at a time, the shortest first: so that little is padded."""
    order = sorted(range(len(prompts)), key=lambda row: len(prompts[row]))
    return (order[start : start + size] for start in range(0, len(order), size))
