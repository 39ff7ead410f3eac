"""What a policy means to a Trainer of transformers or trl."""

from pathlib import Path
from typing import Any

import torch

from schemas.training_policy import MethodName, Training
from training.methods.checkpoints import CHECKPOINTS

TOLD_EVERY = 5
_EVALUATIONS = 5
# Of an adapter. Preferences are learnt from more gently: unlike an answer to write, they pull without end.
_RATES: dict[MethodName, float] = {"choices": 7e-4, "sft": 7e-4, "dpo": 1e-4, "kto": 1e-4}
_FULL_SHARE = 0.05


def learning_rate(policy: Training, method: MethodName) -> float:
    """Return the policy's learning rate, or what suits the method; every weight learns slower than an adapter."""
    share = _FULL_SHARE if policy.adapter == "full" else 1.0
    return policy.learning_rate or _RATES[method] * share


def arguments_of(policy: Training, method: MethodName, work: Path, *, evaluated: bool) -> dict[str, Any]:
    """Return the arguments of a TrainingArguments or of one of trl's configurations.

    Args:
        policy: The app's.
        method: Who trains.
        work: Folder of this job; checkpoints stand in it.
        evaluated: Whether there are rows to evaluate on, by which the best checkpoint is chosen.
    """
    every = max(1, policy.steps // _EVALUATIONS)
    return {
        "output_dir": str(work / CHECKPOINTS),
        "max_steps": policy.steps,
        "per_device_train_batch_size": policy.batch_size,
        "per_device_eval_batch_size": policy.batch_size,
        "gradient_accumulation_steps": policy.accumulate,
        "learning_rate": learning_rate(policy, method),
        "lr_scheduler_type": policy.schedule if policy.schedule != "constant" else "constant_with_warmup",
        "warmup_steps": max(1, int(policy.steps * policy.warmup)) if policy.warmup else 0,
        "max_grad_norm": policy.clip,
        "gradient_checkpointing": policy.recompute,
        # An adapter is in fp32 whatever its base is in; where every weight learns, fp32 is kept beside bf16.
        "bf16": policy.adapter == "full" and policy.precision == "bf16",
        "remove_unused_columns": False,
        "eval_strategy": "steps" if evaluated else "no",
        "eval_steps": every,
        "save_strategy": "steps",
        "save_steps": every,
        "save_total_limit": 2,
        "load_best_model_at_end": evaluated,
        "metric_for_best_model": "eval_loss" if evaluated else None,
        "greater_is_better": False if evaluated else None,
        "prediction_loss_only": True,
        "logging_steps": TOLD_EVERY,
        "logging_first_step": True,
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": not torch.cuda.is_available(),
        "dataloader_pin_memory": False,
        "seed": policy.seed,
    }
