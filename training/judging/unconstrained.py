"""What a classifier's adapter would answer where nobody constrains it: a label, and then its end?

The gate judges a classifier by its choice among the labels, which is what a constrained server serves. Others write
token by token, and an adapter that learnt only to choose would chat there. Nothing is generated to find out: a greedy
answer is the constrained one, whole, exactly if each of its tokens, its end mark with them, is the likeliest after
those before it. One pass over prompt and answer shows that for all of them.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel

from services.models.base import load_base
from services.models.choices import (
    causal_model,
    choice_ids,
    last_hidden,
    of_like_length,
    probabilities_of,
    prompt_ids,
    written_ids,
)
from services.models.end_marks import end_marks
from training.data.dataset import Example

MOST_ASKED = 100
WANTED = 0.99
FIGURE = "candidate/unconstrained"
_BATCH = 16


@dataclass(frozen=True, slots=True)
class Freely:
    """Greedy answers without the constraint.

    Attributes:
        same: How many are the constrained answer and then end.
        count: Of so many.
    """

    same: int
    count: int

    @property
    def share(self) -> float:
        """Share of those that are the same; 1 without any."""
        return self.same / self.count if self.count else 1.0

    @property
    def in_words(self) -> str:
        """A line of the gate's report."""
        verdict = "as wanted" if self.share >= WANTED else f"at least {WANTED:.0%} are wanted"
        return (
            f"unconstrained: {self.same} of {self.count} held-out prompts are answered by the same label, which then "
            f"ends, {verdict}"
        )


def answered_freely(
    base: Path, adapter: Path, *, labels: Sequence[str], held_out: Sequence[Example], seed: int
) -> Freely:
    """Return how an adapter answers at most MOST_ASKED held-out prompts without the constraint.

    Args:
        base: Folder of the base model.
        adapter: Its folder.
        labels: The app's possible answers.
        held_out: Where there are more, some of them are drawn.
        seed: Of the drawing.
    """
    asked = random.Random(seed).sample(list(held_out), min(MOST_ASKED, len(held_out)))
    if not asked:
        return Freely(0, 0)
    model, tokenizer = load_base(base)
    adapted = PeftModel.from_pretrained(model, str(adapter)).eval()
    prompts = [prompt_ids(tokenizer, example.chat) for example in asked]
    chosen = probabilities_of(adapted, prompts, choice_ids(tokenizer, labels)).argmax(axis=1)
    # An end mark of another kind ends it as well.
    texts = [ids[:-1] for ids in written_ids(tokenizer, labels)]
    answers = [texts[at] for at in chosen]
    return Freely(_followed(adapted, prompts, answers, end_marks(model, tokenizer)), len(asked))


def _followed(
    model: Any, prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]], ends: frozenset[int]
) -> int:
    """Return after how many prompts the likeliest tokens are those of the answer, and then one that ends it."""
    head = causal_model(model).get_output_embeddings().weight
    followed = 0
    for rows in of_like_length(prompts, _BATCH):
        with torch.inference_mode():
            hidden = last_hidden(model, [[*prompts[row], *answers[row]] for row in rows])
            for states, row in zip(hidden, rows, strict=True):
                begin, answer = len(prompts[row]) - 1, list(answers[row])
                likeliest = (states[begin : begin + len(answer) + 1].to(head.dtype) @ head.T).argmax(dim=1).tolist()
                followed += likeliest[:-1] == answer and likeliest[-1] in ends
    return followed
