"""What a training policy can't mean for its app, each fault one line. Pure."""

from collections.abc import Iterator

from schemas.configuration import App
from schemas.tasks import PRIMARY_METRICS
from schemas.training_policy import Training

_OF_LABELS = ("accuracy",)
_LEAST_TO_VALIDATE = 10


def training_fault(policy: Training, app: App) -> str | None:
    """Return the first thing that can't work, "key: why and what instead", or None."""
    return next(_faults(policy, app), None)


def task_fault(app: App) -> str | None:
    """Return why an app can't do the task that it names, or None."""
    if app.task == "classify" and len(app.labels) < 2:
        return "task: classify needs labels, two or more; name them, or say write"
    if app.task not in (None, "classify") and app.labels:
        return f"task: {app.task} has no labels; leave them out, or say classify"
    return None


def _faults(policy: Training, app: App) -> Iterator[str]:
    yield from _of_method(policy, app)
    yield from _of_adapter(policy, app)
    yield from _of_metric(policy, app)


def _of_method(policy: Training, app: App) -> Iterator[str]:
    method = policy.method_for(app.does)
    if method == "choices" and len(app.labels) < 2:
        yield f"method: choices learns an app's labels and {app.name} has none; use sft, dpo or kto"
    if method in ("dpo", "kto") and app.does == "classify":
        yield f"method: {method} learns from judged answers and {app.name} has only labels; use choices or sft"
    if method == "kto" and policy.batch_size < 2:
        yield "batch_size: kto compares answers within a batch; give 2 or more"
    if policy.keep_close and method in ("dpo", "kto"):
        yield f"keep_close: {method} keeps close by beta already; leave one out"
    if policy.keep_close and method == "choices":
        yield "keep_close: choices looks at labels alone; use sft, or a larger replay_share"
    if policy.undisputed == "wanted" and method == "dpo":
        yield "undisputed: dpo needs pairs, and an answer that nobody judged has no other; use sft or kto"
    if policy.max_rows < _LEAST_TO_VALIDATE:
        yield f"max_rows: early stopping watches a tenth of the rows; give {_LEAST_TO_VALIDATE} or more"


def _of_adapter(policy: Training, app: App) -> Iterator[str]:
    if policy.adapter == "full":
        yield (
            "adapter: full makes a whole model, and servers load adapters only; use lora, or make a new base with "
            "python -m training.methods.fit_file --adapter full"
        )
    if policy.adapter == "dora" and app.constrain == "vllm":
        yield f"adapter: vLLM, which serves {app.name}, loads no dora; use lora or rslora"
    if policy.adapter == "qlora" and policy.precision == "fp32":
        yield "precision: qlora keeps the base in 4 bits; leave it at auto, or use lora"
    if policy.adapter == "qlora" and policy.method_for(app.does) == "choices":
        yield "adapter: qlora is for answers, choices reads rows of the head in full; use lora"


def _of_metric(policy: Training, app: App) -> Iterator[str]:
    if policy.metric and policy.metric not in PRIMARY_METRICS:
        yield f"metric: unknown {policy.metric!r}; one of {', '.join(PRIMARY_METRICS)}"
    if (policy.metric in _OF_LABELS) != (app.does == "classify") and policy.metric:
        yield f"metric: {policy.metric} does not tell how well an app does that is to {app.does}"
