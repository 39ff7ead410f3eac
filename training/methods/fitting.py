"""The course of every training: load, learn from where it stopped, save."""

import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from transformers import EarlyStoppingCallback, PrinterCallback, TrainerCallback, set_seed

from schemas.training_policy import Training
from training.methods.adapters import Trainable, trainable
from training.methods.checkpoints import last_checkpoint, saved
from training.methods.lessons import ADAPTER, Lessons, NothingLearnt, OnProgress, Progress

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ready:
    """A Trainer that has yet to train.

    Attributes:
        watched: Whether it evaluates, so that it can stop early.
        left_out: Training rows that were too long for it.
    """

    trainer: Any
    watched: bool
    left_out: int = 0


Prepare = Callable[[Trainable, Lessons, Training, Path], Ready]


@dataclass(frozen=True, slots=True)
class Fitting:
    """A method by the Trainer that it prepares; see training.methods.lessons.Method."""

    prepare: Prepare

    def fit(self, base: Path, lessons: Lessons, policy: Training, *, work: Path, on_progress: OnProgress) -> Path:
        """Return the folder of what was fitted."""
        target = work / ADAPTER
        if target.is_dir():
            return target
        set_seed(policy.seed)
        there = trainable(base, policy, lessons.start)
        if there.closed and lessons.validation:
            _log.warning("a 4-bit base on a CPU learns nothing once it was evaluated: no early stopping")
            lessons = replace(lessons, validation=())
        ready = self.prepare(there, lessons, policy, work)
        ready.trainer.remove_callback(PrinterCallback)
        if ready.watched:
            ready.trainer.add_callback(EarlyStoppingCallback(early_stopping_patience=policy.early_stopping_patience))
        ready.trainer.add_callback(_Reporter(on_progress, left_out=ready.left_out))
        with warnings.catch_warnings():
            # On a CPU torch warns that pinning and its checkpoint format are about to change; neither is ours.
            warnings.simplefilter("ignore")
            ready.trainer.train(resume_from_checkpoint=last_checkpoint(work))
        return saved(there.model, there.tokenizer, work)


class _Reporter(TrainerCallback):  # type: ignore[misc]  # transformers carries no types
    """Passes steps on, and stops a training that can't learn."""

    def __init__(self, on_progress: OnProgress, *, left_out: int = 0) -> None:
        self._on_progress = on_progress
        self._left_out = left_out

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        """Hear of a step; the first one shows whether there is a gradient."""
        if logs is None or "loss" not in logs:
            return
        if state.global_step == 1 and not logs["grad_norm"] > 0:
            raise NothingLearnt(f"gradient norm {logs['grad_norm']} at the first step")
        self._on_progress(Progress(state.global_step, state.max_steps, float(logs["loss"]), self._left_out))
