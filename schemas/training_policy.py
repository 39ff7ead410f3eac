"""How an app's adapter is retrained: the `training` section of the configuration."""

from typing import Annotated, Literal

import msgspec

from schemas.gate_policy import GatePolicy
from schemas.section import Key, Positive, Section
from schemas.tasks import Task

MethodName = Literal["choices", "sft", "dpo", "kto"]


class Training(Section, frozen=True, kw_only=True):
    """How the adapter of an app is retrained.

    Attributes:
        feedback_window: How far back labelled traffic counts as recent.
        replay_share: Share of the training rows drawn from earlier data.
        holdout_share: Share of the labelled rows kept for the gate.
        learning_rate: Its highest; 0 means what suits method and adapter.
        top_layers: Train LoRA on this many top layers only; 0 means all.
        early_stopping_patience: Evaluations without improvement before it stops.
        metric: What is to get better, from schemas.tasks; empty means the task's primary metric.
        method: `choices` learns which of an app's labels to answer, `sft` to write what corrections say, `dpo` to
            prefer one answer to another, `kto` from answers that were wanted or not; `auto` is `choices` where
            an app classifies, else `sft`.
        adapter: Form of what is trained; `qlora` keeps the base in 4 bits, `full` trains every weight.
        alpha: Scale of the adapter; 0 means what doubles its output: twice its rank, of `rslora` twice the root of it.
        schedule: How the learning rate goes on after its warm-up.
        warmup: Share of the steps in which the learning rate rises.
        clip: Largest norm of the gradient.
        accumulate: Batches of one step.
        recompute: Whether activations are computed again in place of being kept (gradient checkpointing).
        precision: Of the base's weights; `auto` is what is fastest on this machine.
        beta: How closely dpo and kto keep to the model they began with.
        begin_from: Whether training goes on from the served version or begins with the base.
        keep_close: Weight of the divergence from the served version's answers in the loss (KL); 0 is without.
        unconstrained: Whether `choices` also teaches to write the label, and nothing after it, where nobody constrains
            the answer.
        max_tokens: Of a user message that `choices` reads; the others read prompts whole.
        max_answer_tokens: Longer answers are left out of training, with a count.
        undisputed: Whether answers that nobody judged count as wanted.
    """

    app: Key
    cooldown: str = "30m"
    feedback_window: str = "1h"
    min_rows: Positive = 200
    max_rows: Positive = 2000
    replay_share: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.5
    holdout_share: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.3
    steps: Positive = 100
    batch_size: Positive = 8
    learning_rate: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    rank: Positive = 16
    top_layers: Annotated[int, msgspec.Meta(ge=0)] = 0
    max_tokens: Positive = 96
    early_stopping_patience: Positive = 3
    seed: int = 7
    metric: str = ""
    method: Literal["auto", "choices", "sft", "dpo", "kto"] = "auto"
    adapter: Literal["lora", "rslora", "dora", "qlora", "full"] = "lora"
    alpha: Annotated[int, msgspec.Meta(ge=0)] = 0
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    warmup: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.1
    clip: Annotated[float, msgspec.Meta(gt=0)] = 1.0
    accumulate: Positive = 1
    recompute: bool = False
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    beta: Annotated[float, msgspec.Meta(gt=0)] = 0.1
    begin_from: Literal["served", "base"] = "served"
    keep_close: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    unconstrained: bool = True
    max_answer_tokens: Positive = 256
    undisputed: Literal["ignore", "wanted"] = "ignore"
    gate: GatePolicy = GatePolicy()

    def method_for(self, task: Task) -> MethodName:
        """Return the method for an app that does a task."""
        if self.method == "auto":
            return "choices" if task == "classify" else "sft"
        return self.method
