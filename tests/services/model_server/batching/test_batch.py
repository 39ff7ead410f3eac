"""Rows that come and go write what transformers' own generate writes for each alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from services.model_server.batching.batch import Batch
from services.model_server.batching.rows import Language
from services.model_server.batching.texts import Texts
from services.model_server.jobs import Ended, Job, Likelihood, Outcome, Said, Sampling
from services.model_server.waiting import Limits, WaitingRoom
from services.models.adapters import ResidentAdapters
from services.models.base import load_base
from services.models.choices import causal_model, prompt_ids
from tests.fixtures.tiny_model import make_tiny_adapter, messages_of

STEPS = 24
GREEDY = Sampling(max_tokens=STEPS, temperature=0)
TEXTS = ("soup", "how do i river the soup with bread", "garden and river and bread and poison", "coffee")


def told(tokens: Sequence[int]) -> str:
    return "".join(f"{token}," for token in tokens)


class Listening:
    """A job and what its caller hears."""

    def __init__(self, prompt: Sequence[int], slot: str = "", sampling: Sampling = GREEDY) -> None:
        self.heard: list[Outcome] = []
        self.job = Job(slot, tuple(prompt), self.heard.append, sampling=sampling)

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.heard if isinstance(part, Said))


class Desk:
    """A model with adapters on it, and prompts for it."""

    def __init__(self, folder: Path, adapters: dict[str, Path]) -> None:
        self.model, tokenizer = load_base(folder)
        self.model.float()
        self.model.generation_config.eos_token_id = None
        self.adapters = ResidentAdapters(self.model)
        for slot, its in adapters.items():
            self.adapters.load(slot, its)
        self.prompts = [prompt_ids(tokenizer, messages_of(text)) for text in TEXTS]

    def alone(self, prompt: Sequence[int], slot: str = "") -> str:
        """What transformers' generate writes."""
        ids = torch.tensor([list(prompt)])
        with self.adapters.answering(slot) as model, torch.inference_mode():
            whole = causal_model(model).generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=STEPS, do_sample=False, pad_token_id=0
            )
        return told(whole[0, len(prompt) :].tolist())

    def batch(self, reading_tokens: int = 64) -> Batch:
        return Batch(Language(told, ends=()), reading_tokens=reading_tokens)


@pytest.fixture(scope="module")
def desk(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    folder = tmp_path_factory.mktemp("adapters")
    adapters = {
        f"slot{seed}": make_tiny_adapter(tiny_model, folder / str(seed), seed=seed, layers=layers)
        for seed, layers in ((5, None), (6, [1]))
    }
    return Desk(tiny_model, adapters)


def test_rows_that_join_between_steps_write_what_each_writes_alone(desk: Desk) -> None:
    rows = [Listening(prompt) for prompt in desk.prompts]
    short = Listening(desk.prompts[1], sampling=Sampling(max_tokens=3, temperature=0))
    batch = desk.batch()
    batch.admit([rows[0].job])
    for _ in range(5):
        batch.round(desk.adapters)
    batch.admit([rows[1].job, short.job])
    for _ in range(4):
        batch.round(desk.adapters)
    batch.admit([rows[2].job, rows[3].job])
    while batch.jobs:
        batch.round(desk.adapters)
    assert [row.text for row in rows] == [desk.alone(prompt) for prompt in desk.prompts]
    assert short.text == told([int(token) for token in rows[1].text.split(",")[:3]])
    assert rows[0].heard[-1] == Ended("length", STEPS)
    assert short.heard[-1] == Ended("length", 3)


def test_rows_of_different_adapters_write_what_each_adapter_writes_alone(desk: Desk) -> None:
    pairs = [(prompt, slot) for slot in ("", "slot5", "slot6") for prompt in desk.prompts]
    rows = [Listening(prompt, slot) for prompt, slot in pairs]
    batch = desk.batch(reading_tokens=1000)
    batch.admit([row.job for row in rows])
    while batch.jobs:
        batch.round(desk.adapters)
    assert [row.text for row in rows] == [desk.alone(prompt, slot) for prompt, slot in pairs]
    assert len({row.text for row in rows[:: len(desk.prompts)]}) == 3


def test_a_long_prompt_is_read_in_parts_while_others_write(desk: Desk) -> None:
    first, long = Listening(desk.prompts[0]), Listening(desk.prompts[2])
    batch = desk.batch(reading_tokens=4)
    batch.admit([first.job])
    while not first.heard:
        batch.round(desk.adapters)
    batch.admit([long.job])
    while not long.heard:
        written = len(first.heard)
        batch.round(desk.adapters)
        assert len(first.heard) == written + 1
    assert len(first.heard) > 3
    while batch.jobs:
        batch.round(desk.adapters)
    assert long.text == desk.alone(desk.prompts[2])


def test_a_cancelled_row_leaves_and_the_others_go_on(desk: Desk) -> None:
    rows = [Listening(prompt) for prompt in desk.prompts[:3]]
    batch = desk.batch(reading_tokens=1000)
    batch.admit([row.job for row in rows])
    for _ in range(3):
        batch.round(desk.adapters)
    rows[0].job.cancelled = True
    heard = len(rows[0].heard)
    while batch.jobs:
        batch.round(desk.adapters)
    assert len(rows[0].heard) == heard
    assert [row.text for row in rows[1:]] == [desk.alone(prompt) for prompt in desk.prompts[1:3]]


def test_a_seed_gives_the_same_text_whatever_else_is_written(desk: Desk) -> None:
    warm = Sampling(max_tokens=STEPS, temperature=1.0, top_p=0.9, seed=3)
    alone, beside = Listening(desk.prompts[0], sampling=warm), Listening(desk.prompts[0], sampling=warm)
    other = Listening(desk.prompts[0], sampling=Sampling(max_tokens=STEPS, temperature=1.0, top_p=0.9, seed=4))
    for jobs in ([alone.job], [other.job, beside.job, Listening(desk.prompts[1]).job]):
        batch = desk.batch(reading_tokens=1000)
        batch.admit(jobs)
        while batch.jobs:
            batch.round(desk.adapters)
    assert alone.text == beside.text
    assert alone.text != other.text


def test_likelihoods_are_those_of_one_forward_pass(desk: Desk) -> None:
    row = Listening(desk.prompts[0], sampling=Sampling(max_tokens=4, temperature=0, alternatives=2))
    batch = desk.batch()
    batch.admit([row.job])
    while batch.jobs:
        batch.round(desk.adapters)
    likelihoods: list[Likelihood] = [its for part in row.heard if isinstance(part, Said) for its in part.likelihoods]
    tokens = [int(its.token.decode().rstrip(",")) for its in likelihoods]
    assert told(tokens) == row.text
    with desk.adapters.answering("") as model, torch.inference_mode():
        logits = causal_model(model)(torch.tensor([[*desk.prompts[0], *tokens]])).logits[0]
    expected = torch.log_softmax(logits[len(desk.prompts[0]) - 1 : -1], dim=-1)
    for at, its in enumerate(likelihoods):
        assert its.logprob == pytest.approx(float(expected[at].max()), abs=1e-4)
        assert [other.logprob for other in its.alternatives] == pytest.approx(
            expected[at].topk(2).values.tolist(), abs=1e-4
        )


def test_an_adapter_that_does_not_mix_is_written_apart(tiny_model: Path, tmp_path: Path) -> None:
    desk = Desk(
        tiny_model,
        {
            "plain": make_tiny_adapter(tiny_model, tmp_path / "plain", seed=5),
            "dora": dora(tiny_model, tmp_path / "dora"),
        },
    )
    texts = Texts(desk.adapters, Language(told, ends=()), Limits(), token_bytes=1)
    pairs = [(prompt, slot) for slot in ("plain", "dora", "") for prompt in desk.prompts[:2]]
    rows = [Listening(prompt, slot) for prompt, slot in pairs]
    texts.begin([row.job for row in rows])
    assert sorted(len(batch.jobs) for batch in texts.batches) == [2, 4]
    while texts.jobs:
        for batch in texts.batches:
            batch.round(desk.adapters)
    assert [row.text for row in rows] == [desk.alone(prompt, slot) for prompt, slot in pairs]


def test_texts_are_admitted_as_far_as_rows_and_memory_go(desk: Desk) -> None:
    def admitted(limits: Limits, lengths: Sequence[int]) -> int:
        room = WaitingRoom(limits)
        room.enter([Listening([1] * 10, sampling=Sampling(max_tokens=length)).job for length in lengths])
        return len(Texts(desk.adapters, Language(told, ends=()), limits, token_bytes=2).take_from(room))

    assert admitted(Limits(writing=3), [10] * 5) == 3
    assert admitted(Limits(memory_bytes=2 * 60), [10] * 5) == 3
    assert admitted(Limits(memory_bytes=2 * 60), [10, 30, 10]) == 1
    assert admitted(Limits(memory_bytes=2 * 60), [1000, 10]) == 1


def dora(base: Path, folder: Path) -> Path:
    """Save a DoRA adapter that changes answers."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    lora = LoraConfig(r=4, target_modules=["q_proj", "down_proj"], use_dora=True, init_lora_weights=False)
    wrapped: Any = get_peft_model(AutoModelForCausalLM.from_pretrained(base), lora)
    with torch.no_grad():
        for name, weight in wrapped.named_parameters():
            if "lora_A" in name or "lora_B" in name:
                weight.normal_(std=0.5)
    wrapped.save_pretrained(folder)
    return folder
