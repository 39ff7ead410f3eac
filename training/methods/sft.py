"""Supervised fine-tuning by trl: to write what corrections say, the loss on the judged answer alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from torch.nn.functional import cross_entropy, kl_div
from trl import SFTConfig, SFTTrainer
from trl.trainer.utils import use_adapter

from schemas.training_policy import Training
from training.data.dataset import Example
from training.methods.adapters import SERVED, Trainable
from training.methods.arguments import arguments_of
from training.methods.fitting import Ready
from training.methods.lessons import Lessons
from training.methods.rows.encoding import IGNORED
from training.methods.rows.rounds import laid_out
from training.methods.rows.written import Encoder, Told, must_teach, targets_of


def prepare(there: Trainable, lessons: Lessons, policy: Training, work: Path) -> Ready:
    """Return the trainer that learns to write answers."""
    encoder = Encoder(there, policy)
    told, left_out = _told(encoder, lessons.train)
    must_teach(told, left_out=left_out, method="sft", of="corrections, wanted answers, preferences or labels")
    watched, _ = _told(encoder, lessons.validation)
    order = laid_out([len(one.prompt) + len(one.answer) for one in told], [one.weight for one in told], policy)
    trainer = _Writing(
        keep_close=policy.keep_close,
        model=there.model,
        processing_class=there.tokenizer,
        args=SFTConfig(
            **arguments_of(policy, "sft", work, evaluated=bool(watched)),
            max_length=None,
            train_sampling_strategy="sequential",
            dataset_kwargs={"skip_prepare_dataset": True},
        ),
        train_dataset=Dataset.from_list([_row(told[at]) for at in order]),
        eval_dataset=Dataset.from_list([_row(one) for one in watched]) if watched else None,
    )
    return Ready(trainer, bool(watched), left_out)


def _told(encoder: Encoder, examples: Sequence[Example]) -> tuple[list[Told], int]:
    every = [encoder.told(example, answer) for example, answer in targets_of(examples)]
    kept = [one for one in every if encoder.fits(one)]
    return kept, len(every) - len(kept)


def _row(told: Told) -> dict[str, list[int]]:
    return {"input_ids": told.prompt + told.answer, "labels": [IGNORED] * len(told.prompt) + told.answer}


class _Writing(SFTTrainer):  # type: ignore[misc]  # trl carries no types
    """trl's trainer, with logits where an answer is learnt and nowhere else: most of a row is its prompt.

    Where the policy wants it, there is a penalty on leaving what the served version would say.
    """

    def __init__(self, *, keep_close: float, **rest: Any) -> None:
        super().__init__(**rest)
        self._keep_close = keep_close

    def _send_telemetry(self) -> None:
        """Tell nobody."""

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        adapted = self.accelerator.unwrap_model(model)
        learnt = inputs["labels"][:, 1:] != IGNORED
        targets = inputs["labels"][:, 1:][learnt]
        scores = _scores(adapted, inputs, learnt)
        loss = cross_entropy(scores, targets, reduction="sum")
        if self._keep_close:
            with torch.no_grad(), use_adapter(adapted, SERVED if SERVED in adapted.peft_config else None):
                before = _scores(adapted, inputs, learnt)
            apart = kl_div(scores.log_softmax(-1), before.log_softmax(-1), reduction="sum", log_target=True)
            loss = loss + self._keep_close * apart
        loss = loss / (len(targets) if num_items_in_batch is None else num_items_in_batch)
        return (loss, {}) if return_outputs else loss


def _scores(model: Any, inputs: dict[str, Any], learnt: torch.Tensor) -> torch.Tensor:
    """Return the logits of the answers' tokens alone, (tokens, vocabulary).

    Args:
        learnt: Where the next token is one of an answer, (rows, tokens - 1).
    """
    columns = learnt.any(0).nonzero().squeeze(1)
    logits = model(
        input_ids=inputs["input_ids"],
        attention_mask=inputs["attention_mask"],
        use_cache=False,
        logits_to_keep=columns,
    ).logits
    scores: torch.Tensor = logits[learnt[:, columns]].float()
    return scores
