"""LoRA by peft and transformers' Trainer: from examples to an adapter folder, resumable after a kill.

The only thing of its own is the loss. It looks at the answer's tokens alone and, where one token tells
the answers apart, at the rows of the head that belong to them: what serving compares is what is learnt,
and the head over 49,152 tokens, a quarter of a step on SmolLM2, is never applied to the prompt.
"""

import json
import os
import shutil
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch.nn.functional import cross_entropy
from transformers import (
    EarlyStoppingCallback,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    set_seed,
)
from transformers.trainer_pt_utils import LengthGroupedSampler

from schemas.training_policy import Training
from services.models.base import load_base
from services.models.choices import causal_model
from training.methods.encoding import IGNORED, Lesson, collate, encode, telling_tokens

CHECKPOINTS = "checkpoints"
ADAPTER = "adapter"
_TOLD_EVERY = 5
_EVALUATIONS = 5
TIE_BREAK = 0.01


class NothingLearnt(RuntimeError):
    """The first step had no gradient: training would end with the adapter it began with."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A step that was taken."""

    step: int
    steps: int
    loss: float


OnProgress = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Lessons:
    """What to learn from.

    Attributes:
        choices: Every possible answer.
        validation: What early stopping watches; without any there is none.
        start: Adapter folder to go on from, None to begin afresh. One of another shape is not gone on from.
    """

    train: Sequence[Lesson]
    choices: Sequence[str]
    validation: Sequence[Lesson] = ()
    start: Path | None = None


def fit(base: Path, lessons: Lessons, policy: Training, *, work: Path, on_progress: OnProgress) -> Path:
    """Return the folder of an adapter fitted to the lessons, `work`/adapter.

    In order: a finished adapter is returned at once; else training goes on from the last whole
    checkpoint in `work`; then the adapter is saved and, as the last step, moved into its place.

    Args:
        base: Folder of the base model.
        lessons: At least one to train on.
        policy: Steps, learning rate, rank and so on.
        work: Folder of this job and no other.
        on_progress: Called after the first step and then every few.

    Raises:
        NothingLearnt: The first step had no gradient.
    """
    target = work / ADAPTER
    if target.is_dir():
        return target
    set_seed(policy.seed)
    model, tokenizer = load_base(base)
    adapted = _adapted(model, lora(policy, model), lessons.start)
    # Else every save asks the hub for the base's vocabulary, since an incumbent bears its base by name alone.
    adapted.peft_config["default"].base_model_name_or_path = str(base)
    trainer = _trainer(adapted, tokenizer, lessons=lessons, policy=policy, work=work)
    trainer.add_callback(_Reporter(on_progress))
    with warnings.catch_warnings():
        # On a CPU torch warns that pinning and its checkpoint format are about to change; neither is ours.
        warnings.simplefilter("ignore")
        trainer.train(resume_from_checkpoint=last_checkpoint(work))
    return _saved(adapted, target)


def _trainer(adapted: Any, tokenizer: Any, *, lessons: Lessons, policy: Training, work: Path) -> "_AnswerTrainer":
    rows = encode(tokenizer, lessons.train, lessons.choices, max_tokens=policy.max_tokens)
    watched = encode(tokenizer, lessons.validation, lessons.choices, max_tokens=policy.max_tokens)
    trainer = _AnswerTrainer(
        telling=telling_tokens(tokenizer, lessons.choices),
        model=adapted,
        args=_arguments(policy, work, evaluated=bool(watched)),
        train_dataset=rows,
        eval_dataset=watched or None,
        data_collator=collate,
    )
    trainer.remove_callback(PrinterCallback)
    if watched:
        trainer.add_callback(EarlyStoppingCallback(early_stopping_patience=policy.early_stopping_patience))
    return trainer


def lora(policy: Training, model: Any) -> LoraConfig:
    """Return the adapter's shape: all linear layers but the head, of the top `policy.top_layers` blocks if set.

    The backward pass stops at the lowest block with an adapter, so few top blocks halve a step.
    """
    layers, head = model.config.num_hidden_layers, model.get_output_embeddings()
    linear = {name for name, part in model.named_modules() if isinstance(part, torch.nn.Linear) and part is not head}
    top = list(range(max(0, layers - policy.top_layers), layers)) if policy.top_layers else None
    return LoraConfig(
        r=policy.rank,
        lora_alpha=2 * policy.rank,
        lora_dropout=0.0,
        target_modules=sorted({name.rpartition(".")[2] for name in linear}),
        layers_to_transform=top,
        task_type="CAUSAL_LM",
    )


def last_checkpoint(work: Path) -> str | None:
    """Return the newest checkpoint that was written to its end; one cut short by a kill is removed."""
    found = sorted((work / CHECKPOINTS).glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    for path in reversed(found):
        if _is_whole(path):
            return str(path)
        shutil.rmtree(path)
    return None


def _is_whole(checkpoint: Path) -> bool:
    """Tell whether a checkpoint was written to its end: Trainer writes this file last."""
    try:
        state = json.loads((checkpoint / "trainer_state.json").read_text())
    except (ValueError, OSError):
        return False
    return f"checkpoint-{state['global_step']}" == checkpoint.name


def _arguments(policy: Training, work: Path, *, evaluated: bool) -> TrainingArguments:
    every = max(1, policy.steps // _EVALUATIONS)
    return TrainingArguments(
        output_dir=str(work / CHECKPOINTS),
        max_steps=policy.steps,
        per_device_train_batch_size=policy.batch_size,
        per_device_eval_batch_size=policy.batch_size,
        learning_rate=policy.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=max(1, policy.steps // 10),
        remove_unused_columns=False,
        eval_strategy="steps" if evaluated else "no",
        eval_steps=every,
        save_strategy="steps",
        save_steps=every,
        save_total_limit=2,
        load_best_model_at_end=evaluated,
        metric_for_best_model="eval_loss" if evaluated else None,
        greater_is_better=False if evaluated else None,
        prediction_loss_only=True,
        logging_steps=_TOLD_EVERY,
        logging_first_step=True,
        report_to="none",
        disable_tqdm=True,
        use_cpu=not torch.cuda.is_available(),
        dataloader_pin_memory=False,
        seed=policy.seed,
    )


def _adapted(model: Any, shape: LoraConfig, start: Path | None) -> Any:
    """Return the model with a trainable adapter: the one at `start` if it has the wanted shape, else a new one."""
    if start is not None and _same_shape(LoraConfig.from_pretrained(start), shape):
        return PeftModel.from_pretrained(model, str(start), is_trainable=True).train()
    return get_peft_model(model, shape).train()


def _same_shape(there: LoraConfig, wanted: LoraConfig) -> bool:
    """Tell whether two adapters are alike but for their weights."""
    one, other = ((s.r, s.lora_alpha, s.layers_to_transform, set(s.target_modules)) for s in (there, wanted))
    return bool(one == other)


class _AnswerTrainer(Trainer):  # type: ignore[misc]  # transformers carries no types
    """Learns the answers' tokens; the loss is their negative log likelihood, summed over an answer.

    Validation counts wrong answers instead, and lets the likelihood break ties.
    """

    def __init__(self, *, telling: list[int] | None, **rest: Any) -> None:
        super().__init__(**rest)
        self._telling = telling

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        return _SeededByEpoch([row["length"] for row in self.train_dataset], self.args)

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        inner = causal_model(self.accelerator.unwrap_model(model))
        hidden = inner.base_model(input_ids=inputs["input_ids"], use_cache=False).last_hidden_state
        wanted = inputs["labels"][:, 1:]
        learnt = wanted != IGNORED
        head = inner.get_output_embeddings().weight
        targets = wanted[learnt]
        if self._telling is not None:
            tokens = torch.tensor(self._telling, device=head.device)
            head, targets = head[tokens], (targets[:, None] == tokens).int().argmax(dim=1)
        scores = hidden[:, :-1][learnt].to(head.dtype) @ head.T
        loss = cross_entropy(scores.float(), targets, reduction="sum") / len(wanted)
        if not model.training:
            # What is served is the choice: a few rows' confidence must not pick an early, worse checkpoint.
            loss = (scores.argmax(dim=1) != targets).sum() / len(wanted) + TIE_BREAK * loss
        return (loss, {}) if return_outputs else loss


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


class _Reporter(TrainerCallback):  # type: ignore[misc]  # transformers carries no types
    """Passes steps on, and stops a training that can't learn."""

    def __init__(self, on_progress: OnProgress) -> None:
        self._on_progress = on_progress

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        if logs is None or "loss" not in logs:
            return
        if state.global_step == 1 and not logs["grad_norm"] > 0:
            raise NothingLearnt(f"gradient norm {logs['grad_norm']} at the first step")
        self._on_progress(Progress(state.global_step, state.max_steps, float(logs["loss"])))


def _saved(adapted: Any, target: Path) -> Path:
    scratch = target.with_suffix(".partial")
    shutil.rmtree(scratch, ignore_errors=True)
    adapted.save_pretrained(scratch)
    os.replace(scratch, target)
    return target
