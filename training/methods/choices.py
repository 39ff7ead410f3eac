"""A classifier's method: which of an app's labels to answer, by transformers' Trainer.

The only thing of its own is the loss. It looks at the answer's tokens alone and, where one token tells
the answers apart, at the rows of the head that belong to them: what serving compares is what is learnt,
and the head over 49,152 tokens, a quarter of a step on SmolLM2, is never applied to the prompt. Where the
policy wants it (`unconstrained`), a small part of the loss makes a label and its end the likeliest of all tokens.
"""

from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from transformers import Trainer, TrainingArguments
from transformers.trainer_pt_utils import LengthGroupedSampler

from schemas.training_policy import Training
from services.models.choices import causal_model
from training.methods.adapters import Trainable
from training.methods.arguments import arguments_of
from training.methods.fitting import Ready
from training.methods.lessons import Lessons
from training.methods.rows.encoding import collate, encode, telling_tokens
from training.methods.unconstrained import WEIGHT, Places, missing, places_of

TIE_BREAK = 0.01


def prepare(there: Trainable, lessons: Lessons, policy: Training, work: Path) -> Ready:
    """Return the Trainer that learns labels."""
    tokenizer, whole = there.tokenizer, policy.unconstrained
    rows = encode(tokenizer, lessons.train, lessons.labels, max_tokens=policy.max_tokens, whole=whole)
    watched = encode(tokenizer, lessons.validation, lessons.labels, max_tokens=policy.max_tokens, whole=whole)
    trainer = _AnswerTrainer(
        telling=telling_tokens(tokenizer, lessons.labels),
        whole=whole,
        model=there.model,
        args=TrainingArguments(**arguments_of(policy, "choices", work, evaluated=bool(watched))),
        train_dataset=rows,
        eval_dataset=watched or None,
        data_collator=collate,
    )
    return Ready(trainer, bool(watched))


class _AnswerTrainer(Trainer):  # type: ignore[misc]  # transformers carries no types
    """Learns the answers' tokens; the loss is their negative log likelihood, summed over an answer.

    Validation counts wrong answers instead, and lets the likelihood break ties.
    """

    def __init__(self, *, telling: list[int] | None, whole: bool, **rest: Any) -> None:
        super().__init__(**rest)
        self._telling = telling
        self._whole = whole

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        return _SeededByEpoch([row["length"] for row in self.train_dataset], self.args)

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        inner = causal_model(self.accelerator.unwrap_model(model))
        places, head = places_of(inner, inputs), inner.get_output_embeddings().weight
        loss, wrong = self._chosen(places, head)
        if self._telling is not None and self._whole:
            lacking, astray = missing(places, head, torch.tensor(self._telling, device=head.device))
            loss, wrong = loss + WEIGHT * lacking, wrong + astray
        loss = loss / len(inputs["labels"])
        if not model.training:
            # What is served is the choice: a few rows' confidence must not pick an early, worse checkpoint.
            loss = wrong / len(inputs["labels"]) + TIE_BREAK * loss
        return (loss, {}) if return_outputs else loss

    def _chosen(self, places: Places, head: Any) -> tuple[Any, Any]:
        """Return the loss of the choice, summed over the rows, and how many tokens were chosen wrongly."""
        states, targets = places.states, places.wanted
        if self._telling is not None:
            tokens = torch.tensor(self._telling, device=head.device)
            states, head = states[places.leads], head[tokens]
            targets = (targets[places.leads][:, None] == tokens).int().argmax(dim=1)
        scores = states @ head.T
        return cross_entropy(scores.float(), targets, reduction="sum"), (scores.argmax(dim=1) != targets).sum()


class _SeededByEpoch(LengthGroupedSampler):  # type: ignore[misc]  # transformers carries no types
    """Rows of like length together, in an order that depends on seed and epoch alone.

    Trainer's own takes it from the state of the random generator when the epoch begins, which a
    resumed training no longer has: it would see some rows twice and others not at all.
    """

    def __init__(self, lengths: list[int], arguments: TrainingArguments) -> None:
        super().__init__(arguments.train_batch_size, lengths=lengths)
        self._seed = arguments.seed
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of an epoch; the data loader calls this."""
        self.generator = torch.Generator().manual_seed(self._seed * 10_007 + epoch)
