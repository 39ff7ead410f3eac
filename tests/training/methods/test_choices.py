"""LoRA on a real, tiny model: it learns, survives kill -9 in the middle, and is judged as it is served."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from msgspec import convert
from msgspec.structs import replace
from safetensors.torch import load_file

from schemas.gate_policy import GatePolicy
from schemas.inference import Message
from schemas.training_policy import Training
from tests.fixtures.tiny_model import LABEL, Kind, all_texts, make_tiny_model, messages_of, synthetic_prompts
from training.data.dataset import Example, Split
from training.judging.evaluation import judge
from training.judging.gate import decide
from training.methods.catalogue import method_named
from training.methods.checkpoints import last_checkpoint
from training.methods.lessons import Lessons, NothingLearnt, Progress
from training.methods.rows.encoding import IGNORED, collate, encode, telling_tokens

pytestmark = [pytest.mark.model, pytest.mark.filterwarnings("ignore")]

POLICY = Training(app="guard", steps=40, batch_size=16, learning_rate=1e-2, rank=8)
OLD: tuple[Kind, ...] = ("injection", "benign")
FLIPPED = {"safe": "unsafe", "unsafe": "safe"}
fit = method_named("choices").fit


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    """A matrix of 64 columns is not worth a second thread, which on a busy machine costs more than it gives."""
    torch.set_num_threads(1)
    os.environ["OMP_NUM_THREADS"] = "1"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("base"), all_texts(), 1)


@pytest.fixture(scope="module")
def fitted(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fit(base, _lessons(), POLICY, work=tmp_path_factory.mktemp("fitted"), on_progress=_ignore)


@pytest.fixture(scope="module")
def sabotaged(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter made by the command for outside adapters, on flipped labels."""
    folder = tmp_path_factory.mktemp("sabotaged")
    lessons = [{"messages": lesson.chat, "label": FLIPPED[lesson.label]} for lesson in _lessons().train]
    (folder / "rows.jsonl").write_text("\n".join(json.dumps(lesson) for lesson in lessons))
    files = [f"--rows={folder / 'rows.jsonl'}", f"--base={base}", f"--out={folder / 'adapter'}"]
    plan = ["--steps=40", "--batch-size=16", "--learning-rate=0.01"]
    subprocess.run([sys.executable, "-m", "training.methods.fit_file", *files, *plan], check=True, capture_output=True)
    return folder / "adapter"


def _lessons(start: Path | None = None) -> Lessons:
    rows = [_example(kind, text, "train") for kind in OLD for text in synthetic_prompts(kind, 100, 1)]
    return Lessons(rows[::2] + rows[1::2][:-20], ("safe", "unsafe"), rows[1::2][-20:], start)


def _held_out(kinds: tuple[Kind, ...] = OLD) -> list[Example]:
    return [_example(kind, text, "holdout") for kind in kinds for text in synthetic_prompts(kind, 60, 2)]


def _example(kind: Kind, text: str, split: Split) -> Example:
    return _labelled(text, LABEL[kind], split, kind)


def _labelled(text: str, label: str, split: Split = "train", kind: str = "") -> Example:
    return Example(
        request_id=f"{kind}-{text}",
        messages=convert(messages_of(text), tuple[Message, ...]),
        prompt=text,
        label=label,
        slice=kind,
        recent=True,
        split=split,
    )


def _ignore(_: Progress) -> None:
    return None


def test_an_adapter_learns_what_the_base_cannot_and_passes_the_gate(base: Path, fitted: Path) -> None:
    answers = judge(base, fitted, None, labels=("safe", "unsafe"), held_out=_held_out())
    assert sum(answer.candidate_correct for answer in answers) >= 0.95 * len(answers)
    assert decide(answers, GatePolicy(), seed=7).passed


def test_flipped_labels_are_refused_by_the_gate(base: Path, fitted: Path, sabotaged: Path) -> None:
    answers = judge(base, sabotaged, fitted, labels=("safe", "unsafe"), held_out=_held_out())
    report = decide(answers, GatePolicy(), seed=7)
    assert not report.passed
    assert report.slices[0].candidate.value < 0.1
    assert report.slices[0].incumbent.value > 0.9


def test_an_adapter_is_no_better_than_itself(base: Path, fitted: Path) -> None:
    answers = judge(base, fitted, fitted, labels=("safe", "unsafe"), held_out=_held_out())
    assert all(answer.candidate_correct == answer.incumbent_correct for answer in answers)
    assert not decide(answers, GatePolicy(), seed=7).passed


def test_no_held_out_prompts_load_no_model(tmp_path: Path) -> None:
    assert judge(tmp_path, tmp_path, None, labels=("safe", "unsafe"), held_out=[]) == []


def test_a_finished_adapter_is_not_trained_again(base: Path, fitted: Path) -> None:
    steps: list[Progress] = []
    assert fit(base, _lessons(), POLICY, work=fitted.parent, on_progress=steps.append) == fitted
    assert steps == []


def test_a_training_killed_in_the_middle_goes_on_from_its_last_checkpoint(base: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    expected: list[Progress] = []
    fit(base, _lessons(), POLICY, work=whole, on_progress=expected.append)
    killed = tmp_path / "killed"
    killed.mkdir()
    for _ in _killed_at_step(base, killed, 25):
        assert not (killed / "adapter").exists()
    checkpoint = last_checkpoint(killed)
    assert checkpoint is not None
    resumed: list[Progress] = []
    fit(base, _lessons(), POLICY, work=killed, on_progress=resumed.append)
    assert resumed[0].step > int(checkpoint.rpartition("-")[2])
    after = {progress.step: progress.loss for progress in expected}
    assert resumed[-1].step == POLICY.steps
    for progress in resumed:
        assert progress.loss == pytest.approx(after[progress.step], abs=0.02)


def _killed_at_step(base: Path, work: Path, step: int) -> Iterator[None]:
    """Fit in a process of its own and kill it -9 once it has announced a step past `step`."""
    command = [
        sys.executable,
        "-c",
        f"from tests.training.methods.test_choices import run_to; run_to({step}, {str(base)!r}, {str(work)!r})",
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": os.getcwd()}
    ) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if line.startswith("step") and int(line.split()[1]) >= step:
                child.kill()
                break
    yield


def run_to(step: int, base: str, work: str) -> None:
    """Fit, telling each announced step, and from `step` on wait to be killed."""

    def told(progress: Progress) -> None:
        print("step", progress.step, flush=True)
        if progress.step >= step:
            time.sleep(3600)

    fit(Path(base), _lessons(), POLICY, work=Path(work), on_progress=told)


def test_a_checkpoint_cut_short_is_passed_over(base: Path, tmp_path: Path) -> None:
    fit(base, _lessons(), POLICY, work=tmp_path, on_progress=_ignore)
    newest = last_checkpoint(tmp_path)
    assert newest is not None
    state = Path(newest) / "trainer_state.json"
    state.write_text(state.read_text()[:100])
    before = last_checkpoint(tmp_path)
    assert before is not None
    assert before != newest
    assert not Path(newest).exists()


def test_a_first_step_without_a_gradient_stops_the_training(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As with a quantised model whose weights were packed by an earlier forward pass: it answers, and learns nothing.
    monkeypatch.setattr("training.methods.choices.cross_entropy", lambda scores, *_, **__: (scores * 0.0).sum())
    policy = replace(POLICY, unconstrained=False)
    with pytest.raises(NothingLearnt, match="gradient norm 0"):
        fit(base, _lessons(), policy, work=tmp_path, on_progress=_ignore)


def test_only_the_answer_is_learnt_and_long_prompts_are_cut(base: Path) -> None:
    from services.models.base import load_base

    _, tokenizer = load_base(base)
    short, long = encode(
        tokenizer,
        [_labelled("bake bread", "safe"), _labelled("bread " * 300, "unsafe")],
        ("safe", "unsafe"),
        max_tokens=20,
        whole=False,
    )
    assert [label for label in short["labels"] if label != IGNORED] == short["input_ids"][-1:]
    assert telling_tokens(tokenizer, ("safe", "unsafe")) == [short["input_ids"][-1], long["input_ids"][-1]]
    assert long["length"] < 60
    batch = collate([short, long])
    assert batch["input_ids"].shape == batch["labels"].shape == (2, long["length"])
    assert (batch["labels"][0, short["length"] :] == IGNORED).all()


def test_a_whole_answer_is_the_label_with_its_end_mark(base: Path) -> None:
    from services.models.base import load_base

    _, tokenizer = load_base(base)
    choices = ("safe", "unsafe request")
    (row,) = encode(tokenizer, [_labelled("bake bread", "unsafe request")], choices, max_tokens=20, whole=True)
    answer = [label for label in row["labels"] if label != IGNORED]
    assert tokenizer.decode(answer[:-1]) == "unsafe request"
    assert answer[-1] == tokenizer.eos_token_id
    assert [answer[0]] == (telling_tokens(tokenizer, choices) or [])[1:]


def test_answers_that_begin_alike_are_learnt_whole_with_their_end(base: Path, tmp_path: Path) -> None:
    from services.models.base import load_base

    _, tokenizer = load_base(base)
    choices = ("safe", "safe request")
    assert telling_tokens(tokenizer, choices) is None
    (row,) = encode(tokenizer, [_labelled("bake bread", "safe")], choices, max_tokens=20, whole=False)
    assert [label for label in row["labels"] if label != IGNORED][-1] == tokenizer.eos_token_id
    lessons = [replace(row, label=choices[row.label == "unsafe"]) for row in _lessons().train]
    steps: list[Progress] = []
    fit(base, Lessons(lessons, choices), POLICY, work=tmp_path, on_progress=steps.append)
    assert steps[-1].loss < 0.3


def test_training_goes_on_from_the_incumbent_of_the_same_shape(base: Path, fitted: Path, tmp_path: Path) -> None:
    continued: list[Progress] = []
    fit(base, _lessons(fitted), POLICY, work=tmp_path, on_progress=continued.append)
    assert continued[0].loss < 0.1
    afresh: list[Progress] = []
    other = Training(app="guard", steps=5, batch_size=16, learning_rate=1e-2, rank=4)
    (tmp_path / "other").mkdir()
    fit(base, _lessons(fitted), other, work=tmp_path / "other", on_progress=afresh.append)
    assert afresh[0].loss > 0.5


def test_top_layers_leave_the_lower_ones_alone(base: Path, tmp_path: Path) -> None:
    policy = Training(app="guard", steps=5, batch_size=16, learning_rate=1e-2, rank=4, top_layers=1)
    made = fit(base, _lessons(), policy, work=tmp_path, on_progress=_ignore)
    names = list(load_file(made / "adapter_model.safetensors"))
    assert names
    assert all(".layers.1." in name for name in names)
