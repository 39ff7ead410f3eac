"""A classifier's adapter on a server that constrains nothing: it writes the label and stops, and the gate tells so."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from msgspec import convert
from msgspec.structs import replace
from peft import PeftModel

from schemas.inference import Message
from schemas.training_policy import Training
from services.models.base import load_base
from services.models.choices import choice_probabilities, prompt_ids
from tests.fixtures.tiny_model import Kind, all_texts, make_tiny_model, messages_of, synthetic_prompts
from training.data.dataset import Example
from training.judging.unconstrained import MOST_ASKED, Freely, answered_freely
from training.methods.catalogue import method_named
from training.methods.lessons import Lessons

pytestmark = [pytest.mark.model, pytest.mark.filterwarnings("ignore")]

# One label is a token, the other has two, and both end.
LABELS = ("safe", "unsafe request")
KINDS: dict[Kind, str] = {"benign": "safe", "injection": "unsafe request"}
POLICY = Training(app="guard", steps=40, batch_size=16, learning_rate=1e-2, rank=8)
LONGEST = 6


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return make_tiny_model(tmp_path_factory.mktemp("base"), all_texts(), 1)


@pytest.fixture(scope="module")
def writes(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _fitted(base, POLICY, tmp_path_factory.mktemp("writes"))


@pytest.fixture(scope="module")
def chooses(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _fitted(base, replace(POLICY, unconstrained=False), tmp_path_factory.mktemp("chooses"))


def _fitted(base: Path, policy: Training, work: Path) -> Path:
    rows = _examples(60, 1)
    lessons = Lessons(rows[:-20], LABELS, rows[-20:])
    return method_named("choices").fit(base, lessons, policy, work=work, on_progress=lambda _: None)


def _examples(each: int, seed: int) -> list[Example]:
    texts = {kind: synthetic_prompts(kind, each, seed) for kind in KINDS}
    return [_example(texts[kind][at], KINDS[kind]) for at in range(each) for kind in KINDS]


def _example(text: str, label: str) -> Example:
    messages = convert(messages_of(text), tuple[Message, ...])
    return Example(request_id=text, messages=messages, prompt=text, label=label, slice="", recent=True, split="holdout")


def _adapted(base: Path, adapter: Path) -> tuple[Any, Any]:
    model, tokenizer = load_base(base)
    return PeftModel.from_pretrained(model, str(adapter)).eval(), tokenizer


def _written(model: Any, tokenizer: Any, prompt: list[int]) -> tuple[str, bool]:
    """Return the text of a greedy generation that nothing constrains, and whether it ended by itself."""
    with torch.inference_mode():
        written = model.generate(input_ids=torch.tensor([prompt]), max_new_tokens=LONGEST, do_sample=False)
    answer = written[0, len(prompt) :].tolist()
    return tokenizer.decode(answer, skip_special_tokens=True), answer[-1] == tokenizer.eos_token_id


def _same(base: Path, adapter: Path, asked: Sequence[Example]) -> int:
    """Return how many generated answers are the constrained one and end, by generation itself."""
    model, tokenizer = _adapted(base, adapter)
    chats = [example.chat for example in asked]
    chosen = choice_probabilities(model, tokenizer, chats, LABELS).argmax(axis=1)
    answers = [_written(model, tokenizer, prompt_ids(tokenizer, chat)) for chat in chats]
    return sum(answer == (LABELS[at], True) for answer, at in zip(answers, chosen, strict=True))


def _right(base: Path, adapter: Path, asked: Sequence[Example]) -> float:
    model, tokenizer = _adapted(base, adapter)
    chosen = choice_probabilities(model, tokenizer, [example.chat for example in asked], LABELS).argmax(axis=1)
    return sum(LABELS[at] == example.label for at, example in zip(chosen, asked, strict=True)) / len(asked)


def test_without_the_constraint_it_writes_the_label_and_stops(base: Path, writes: Path) -> None:
    held_out = _examples(50, 2)
    assert _same(base, writes, held_out) >= 0.99 * len(held_out)
    assert _right(base, writes, held_out) >= 0.95


def test_one_that_learnt_the_answers_rows_alone_does_not(base: Path, chooses: Path) -> None:
    held_out = _examples(50, 2)
    assert _same(base, chooses, held_out) < 0.5 * len(held_out)
    assert _right(base, chooses, held_out) >= 0.95


def test_the_gates_figure_is_what_generation_would_give(
    base: Path, writes: Path, chooses: Path, tmp_path: Path
) -> None:
    # One that has learnt too little is neither always right nor always astray.
    halfway = _fitted(base, replace(POLICY, steps=10), tmp_path)
    held_out = _examples(50, 2)
    figures = []
    for adapter in (writes, chooses, halfway):
        freely = answered_freely(base, adapter, labels=LABELS, held_out=held_out, seed=7)
        assert freely == Freely(_same(base, adapter, held_out), len(held_out))
        figures.append(freely.share)
    assert figures[0] >= 0.99
    assert figures[1] < 0.5


def test_a_sample_is_asked_and_the_same_one_again(base: Path, chooses: Path) -> None:
    held_out = _examples(60, 2)
    first, again = (answered_freely(base, chooses, labels=LABELS, held_out=held_out, seed=7) for _ in range(2))
    assert first == again
    assert first.count == MOST_ASKED


def test_without_held_out_prompts_no_model_is_loaded(tmp_path: Path) -> None:
    assert answered_freely(tmp_path, tmp_path, labels=LABELS, held_out=[], seed=7) == Freely(0, 0)


def test_the_report_says_how_many_and_whether_they_are_enough() -> None:
    assert Freely(100, 100).in_words.startswith("unconstrained: 100 of 100 held-out prompts")
    assert Freely(99, 100).in_words.endswith("as wanted")
    assert Freely(98, 100).in_words.endswith("at least 99% are wanted")
