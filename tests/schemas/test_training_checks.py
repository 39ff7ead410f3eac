"""Policies that can't work are refused in one line that says why; the defaults of every task are not."""

from typing import Any

import pytest
from msgspec import convert

from schemas.configuration import App
from schemas.configuration_parser import BadConfiguration, parse_configuration
from schemas.tasks import PRIMARY_METRIC
from schemas.training_checks import task_fault, training_fault
from schemas.training_policy import Training

GUARD = App(name="guard", base_model="tiny", labels=("safe", "unsafe"))
DESK = App(name="desk", base_model="tiny", task="write")
TOOLS = App(name="clerk", base_model="tiny", task="call-tools")


def _policy(app: App, **keys: Any) -> Training:
    return convert({"app": app.name, **keys}, Training)


@pytest.mark.parametrize(
    ("app", "keys", "fault"),
    [
        (DESK, {"method": "choices"}, "method: choices learns an app's labels and desk has none"),
        (TOOLS, {"method": "choices"}, "method: choices learns an app's labels and clerk has none"),
        (GUARD, {"method": "dpo"}, "method: dpo learns from judged answers and guard has only labels"),
        (GUARD, {"method": "kto"}, "method: kto learns from judged answers and guard has only labels"),
        (DESK, {"method": "kto", "batch_size": 1}, "batch_size: kto compares answers within a batch"),
        (DESK, {"method": "dpo", "keep_close": 0.1}, "keep_close: dpo keeps close by beta already"),
        (DESK, {"method": "kto", "keep_close": 0.1}, "keep_close: kto keeps close by beta already"),
        (GUARD, {"keep_close": 0.1}, "keep_close: choices looks at labels alone"),
        (DESK, {"method": "dpo", "undisputed": "wanted"}, "undisputed: dpo needs pairs"),
        (DESK, {"max_rows": 9}, "max_rows: early stopping watches a tenth of the rows"),
        (DESK, {"adapter": "full"}, "adapter: full makes a whole model, and servers load adapters only"),
        (DESK, {"adapter": "qlora", "precision": "fp32"}, "precision: qlora keeps the base in 4 bits"),
        (GUARD, {"adapter": "qlora"}, "adapter: qlora is for answers"),
        (DESK, {"metric": "loss"}, "metric: unknown 'loss'; one of accuracy, exact_match"),
        (DESK, {"metric": "accuracy"}, "metric: accuracy does not tell how well an app does that is to write"),
        (GUARD, {"metric": "chrf"}, "metric: chrf does not tell how well an app does that is to classify"),
    ],
)
def test_what_cannot_work_is_refused_in_one_line(app: App, keys: dict[str, Any], fault: str) -> None:
    found = training_fault(_policy(app, **keys), app)
    assert found is not None
    assert found.startswith(fault)
    assert "\n" not in found


def test_vllm_loads_no_dora() -> None:
    served_by_vllm = App(name="desk", base_model="tiny", task="write", constrain="vllm")
    assert "vLLM" in (training_fault(_policy(DESK, adapter="dora"), served_by_vllm) or "")
    assert training_fault(_policy(DESK, adapter="dora"), DESK) is None


@pytest.mark.parametrize("task", PRIMARY_METRIC)
def test_the_defaults_of_every_task_are_good(task: str) -> None:
    app = convert(
        {"name": "a", "base_model": "b", "task": task, "labels": ["x", "y"] if task == "classify" else []}, App
    )
    assert training_fault(_policy(app), app) is None
    assert training_fault(_policy(app, metric=PRIMARY_METRIC[app.does]), app) is None
    assert task_fault(app) is None


@pytest.mark.parametrize("method", ["sft", "dpo", "kto"])
def test_every_method_of_text_may_be_asked_for(method: str) -> None:
    assert training_fault(_policy(DESK, method=method), DESK) is None


def test_a_classifier_may_learn_to_write_its_labels() -> None:
    assert training_fault(_policy(GUARD, method="sft"), GUARD) is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("apps: [{name: a, base_model: b, task: classify}]", "apps[0].task: classify needs labels"),
        ("apps: [{name: a, base_model: b, task: write, labels: [x, y]}]", "apps[0].task: write has no labels"),
        (
            "apps: [{name: a, base_model: b}]\ntraining: [{app: a, method: choices}]",
            "training[0].method: choices learns an app's labels and a has none",
        ),
    ],
)
def test_the_file_is_refused_with_the_key(text: str, fault: str) -> None:
    with pytest.raises(BadConfiguration) as refused:
        parse_configuration(text)
    assert str(refused.value).startswith(fault)
