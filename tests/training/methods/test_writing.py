"""Every method and form of adapter teaches a tiny model to write, and not from judgements dealt out at random."""

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from schemas.training_policy import MethodName, Training
from services.models.adapters import ResidentAdapters
from services.models.base import load_base
from tests.fixtures.tiny_model import all_texts, make_tiny_model
from tests.training.methods.writing import (
    LONGEST,
    SAID,
    Writer,
    examples_for,
    fit,
    kill_at_step,
    policy_of,
    said,
    shuffled,
)
from training.methods import dpo, kto, sft
from training.methods.adapters import four_bits_here
from training.methods.lessons import NothingLearnt, Progress

pytestmark = [pytest.mark.model, pytest.mark.filterwarnings("ignore")]

METHODS: tuple[MethodName, ...] = ("sft", "dpo", "kto")


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    """A matrix of 64 columns is not worth a second thread; and a process with one may fork."""
    torch.set_num_threads(1)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("base"), all_texts(), 1)


@pytest.fixture(scope="module")
def written(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter that writes."""
    return fit(base, examples_for("sft"), policy_of("sft"), tmp_path_factory.mktemp("written"))


def test_a_model_learns_to_write_and_to_stop_by_itself(base: Path, written: Path) -> None:
    unseen = examples_for("sft", each=20, seed=2)
    assert Writer(base, None).right(unseen) == 0
    writer = Writer(base, written)
    assert writer.right(unseen) >= 0.9
    assert all(len(writer.write(row.messages)) < LONGEST for row in unseen)


def test_answers_dealt_out_at_random_teach_nothing(base: Path, tmp_path: Path) -> None:
    made = fit(base, shuffled(examples_for("sft")), policy_of("sft"), tmp_path)
    assert Writer(base, made).right(examples_for("sft", each=20, seed=2)) <= 0.7


@pytest.mark.parametrize("method", ["dpo", "kto"])
def test_preferences_and_thumbs_move_what_is_likely(method: MethodName, base: Path, tmp_path: Path) -> None:
    unseen = examples_for("dpo", each=30, seed=2)
    before = Writer(base, None).prefers(unseen)
    learnt = fit(base, examples_for(method), policy_of(method), tmp_path / "learnt")
    control = fit(base, shuffled(examples_for(method)), policy_of(method), tmp_path / "control")
    assert Writer(base, learnt).prefers(unseen) >= max(0.9, before + 0.3)
    assert Writer(base, control).prefers(unseen) <= 0.75


@pytest.mark.parametrize("adapter", ["rslora", "dora", "full"])
def test_every_form_of_adapter_learns(adapter: str, base: Path, tmp_path: Path) -> None:
    rate = 3e-3 if adapter == "full" else 1e-2
    made = fit(base, examples_for("sft"), policy_of("sft", adapter=adapter, learning_rate=rate), tmp_path)
    assert Writer(base, made).right(examples_for("sft", each=20, seed=2)) >= 0.9


@pytest.mark.skipif(not four_bits_here(), reason="bitsandbytes is not installed")
def test_a_base_in_four_bits_learns_though_it_is_never_evaluated(base: Path, tmp_path: Path) -> None:
    rows = examples_for("sft")
    made = fit(base, rows, policy_of("sft", adapter="qlora"), tmp_path, validation=rows[:8])
    assert Writer(base, made).right(examples_for("sft", each=20, seed=2)) >= 0.9


@pytest.mark.parametrize("adapter", ["rslora", "dora"])
def test_the_model_server_holds_an_adapter_of_every_form(adapter: str, base: Path, tmp_path: Path) -> None:
    made = fit(base, examples_for("sft"), policy_of("sft", adapter=adapter, steps=5), tmp_path)
    model, _ = load_base(base)
    resident = ResidentAdapters(model)
    resident.load("slot1", made)
    assert resident.slots == {"slot1"}


@pytest.mark.parametrize("method", METHODS)
def test_a_training_killed_in_the_middle_ends_with_the_weights_of_one_left_alone(
    method: MethodName, base: Path, written: Path, tmp_path: Path
) -> None:
    close = 0.1 if method == "sft" else 0.0
    rows, policy = examples_for(method, each=30), policy_of(method, steps=20, learning_rate=1e-3, keep_close=close)
    with_validation = {"validation": rows[:8], "start": written}
    whole = fit(base, rows[8:], policy, tmp_path / "whole", **with_validation)
    kill_at_step(10, base, rows[8:], policy, tmp_path / "killed", **with_validation)
    assert not (tmp_path / "killed" / "adapter").exists()
    steps: list[Progress] = []
    resumed = fit(base, rows[8:], policy, tmp_path / "killed", on_progress=steps.append, **with_validation)
    assert steps[0].step > 5
    assert steps[-1].step == policy.steps
    one, other = (load_file(folder / "adapter_model.safetensors") for folder in (whole, resumed))
    assert one.keys() == other.keys()
    assert max(float((one[name] - other[name]).abs().max()) for name in one) <= 1e-6
    start = load_file(written / "adapter_model.safetensors")
    assert max(float((one[name] - start[name]).abs().max()) for name in one) > 1e-3


def test_training_goes_on_from_the_served_version_or_begins_with_the_base(
    base: Path, written: Path, tmp_path: Path
) -> None:
    rows = examples_for("sft")
    first: dict[str, float] = {}
    for begin_from in ("served", "base"):
        steps: list[Progress] = []
        policy = policy_of("sft", steps=1, begin_from=begin_from)
        fit(base, rows, policy, tmp_path / begin_from, start=written, on_progress=steps.append)
        first[begin_from] = steps[0].loss
    assert first["served"] < 0.2 < 2 < first["base"]


def test_a_penalty_keeps_a_version_close_to_the_served_one(base: Path, written: Path, tmp_path: Path) -> None:
    contrary = [row for row in shuffled(examples_for("sft")) if row.answer != said(SAID[row.slice])]
    unseen = examples_for("sft", each=10, seed=2)
    kept = {}
    for weight in (0.0, 5.0):
        policy = policy_of("sft", steps=40, keep_close=weight)
        made = fit(base, contrary, policy, tmp_path / str(weight), start=written)
        kept[weight] = Writer(base, made).prefers(unseen)
    assert kept[0.0] <= 0.6
    assert kept[5.0] >= 0.9


def test_all_that_a_policy_can_say_of_a_course_is_done(base: Path, tmp_path: Path) -> None:
    policy = policy_of("sft", steps=20, schedule="cosine", accumulate=2, recompute=True, clip=0.5, warmup=0.2)
    steps: list[Progress] = []
    fit(base, examples_for("sft"), policy, tmp_path, on_progress=steps.append)
    assert steps[-1].loss < 0.5 * steps[0].loss


def test_answers_too_long_are_left_out_with_a_count(base: Path, tmp_path: Path) -> None:
    rows = examples_for("sft", each=10)
    steps: list[Progress] = []
    policy = Training(app="desk", method="sft", steps=1, batch_size=4, max_answer_tokens=5)
    fit(base, rows, policy, tmp_path / "some", on_progress=steps.append)
    assert [progress.left_out for progress in steps] == [10]
    with pytest.raises(NothingLearnt, match="sft has no example to learn from: 10 are too long"):
        fit(base, [row for row in rows if row.slice == "benign"], policy, tmp_path / "none")


@pytest.mark.parametrize(("method", "rows"), [("dpo", "sft"), ("kto", "none")])
def test_feedback_that_a_method_does_not_learn_from_is_said(
    method: MethodName, rows: str, base: Path, tmp_path: Path
) -> None:
    given = examples_for("sft", each=2) if rows == "sft" else []
    with pytest.raises(NothingLearnt, match=f"{method} has no example to learn from: it learns from"):
        fit(base, given, policy_of(method, steps=1), tmp_path)


@pytest.mark.parametrize(
    ("method", "trainer"), [("sft", sft._Writing), ("dpo", dpo._Preferring), ("kto", kto._Judging)]
)
def test_a_first_step_without_a_gradient_stops_every_method(
    method: MethodName, trainer: type, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = trainer.compute_loss  # type: ignore[attr-defined]  # a Trainer of transformers has one
    monkeypatch.setattr(trainer, "compute_loss", lambda *given, **more: honest(*given, **more) * 0.0)
    with pytest.raises(NothingLearnt, match="gradient norm 0"):
        fit(base, examples_for(method, each=10), policy_of(method, steps=2), tmp_path)


@pytest.mark.parametrize("method", METHODS)
def test_nobody_outside_hears_of_a_training(
    method: MethodName, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[object] = []
    monkeypatch.setattr("trl.trainer.base_trainer.send_telemetry", lambda **more: told.append(more))
    monkeypatch.delenv("CI", raising=False)
    fit(base, examples_for(method, each=10), policy_of(method, steps=1), tmp_path)
    assert told == []
