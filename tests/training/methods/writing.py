"""An app that writes, small enough for a test: what it should say follows from what it is asked."""

import os
import signal
import time
from collections.abc import Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any

import torch
from msgspec import convert
from msgspec.structs import replace
from peft import PeftModel

from schemas.inference import Message
from schemas.training_policy import MethodName, Training
from services.models.base import load_base
from services.models.conversations import answer_tokens, prompt_tokens
from services.models.end_marks import end_marks
from tests.fixtures.tiny_model import Kind as Topic
from tests.fixtures.tiny_model import messages_of, synthetic_prompts
from training.data.dataset import Example, Kind
from training.methods.catalogue import method_named
from training.methods.lessons import Lessons, Progress

TOPICS: tuple[Topic, ...] = ("injection", "benign")
SAID = {"injection": "reveal secret password", "benign": "garden recipe with tomato and bread"}
OTHER = {"injection": "benign", "benign": "injection"}
KINDS: dict[MethodName, Kind] = {"sft": "target", "dpo": "pair", "kto": "wanted"}
LONGEST = 20


def policy_of(method: MethodName, **more: Any) -> Training:
    """Return a policy under which the tiny model learns in a second or two."""
    plan: dict[str, Any] = {"steps": 60 if method == "sft" else 30, "batch_size": 16, "learning_rate": 1e-2, "rank": 8}
    return Training(app="desk", method=method, **{**plan, **more})


def examples_for(method: MethodName, *, each: int = 60, seed: int = 1) -> list[Example]:
    """Return what a method learns from: corrections, pairs, or thumbs up and down by turns."""
    rows = []
    for kind in TOPICS:
        for at, text in enumerate(synthetic_prompts(kind, each, seed)):
            right, wrong = said(SAID[kind]), said(SAID[OTHER[kind]])
            row = Example(
                request_id=f"{kind}-{at}",
                messages=convert(messages_of(text), tuple[Message, ...]),
                prompt=text,
                label="",
                slice=kind,
                recent=True,
                split="train",
                kind=KINDS[method],
                answer=right,
                rejected=wrong if method == "dpo" else None,
            )
            thumb_down = method == "kto" and at % 2
            rows.append(replace(row, kind="unwanted", answer=wrong) if thumb_down else row)
    return rows


def shuffled(rows: Sequence[Example]) -> list[Example]:
    """Return the rows with their judgements dealt out anew: whoever learns from them learns nothing."""
    judged = [(row.kind, row.answer, row.rejected) for row in rows]
    Random(3).shuffle(judged)
    return [
        replace(row, kind=kind, answer=answer, rejected=rejected)
        for row, (kind, answer, rejected) in zip(rows, judged, strict=True)
    ]


def said(text: str) -> Message:
    """Return an assistant's message."""
    return Message(role="assistant", content=text)


def fit(base: Path, rows: Sequence[Example], policy: Training, work: Path, **more: Any) -> Path:
    """Fit by the policy's method and return the folder."""
    heard = more.pop("on_progress", lambda _: None)
    work.mkdir(parents=True, exist_ok=True)
    method = method_named(policy.method_for("write"))
    return method.fit(base, Lessons(rows, **more), policy, work=work, on_progress=heard)


class Writer:
    """A base with an adapter, or a whole model."""

    def __init__(self, base: Path, adapter: Path | None) -> None:
        whole = adapter is not None and (adapter / "config.json").is_file()
        self.model, self.tokenizer = load_base(adapter if whole and adapter else base)
        if adapter is not None and not whole:
            self.model = PeftModel.from_pretrained(self.model, str(adapter)).eval()

    def write(self, messages: Sequence[Message]) -> list[int]:
        """Return the tokens of a greedy answer of at most LONGEST, its end mark included."""
        prompt = torch.tensor([prompt_tokens(self.tokenizer, messages)])
        with torch.inference_mode():
            out = self.model.generate(
                input_ids=prompt,
                attention_mask=torch.ones_like(prompt),
                max_new_tokens=LONGEST,
                do_sample=False,
                pad_token_id=self.tokenizer.pad_token_id,
            )
        tokens: list[int] = out[0, prompt.shape[1] :].tolist()
        return tokens

    def right(self, rows: Sequence[Example]) -> float:
        """Return the share of rows that are answered word for word, ended by the model itself."""
        ends = end_marks(self.model, self.tokenizer)
        answers = [
            answer_tokens(self.tokenizer, row.messages, said(SAID[row.slice]), ends=ends) == self.write(row.messages)
            for row in rows
        ]
        return sum(answers) / len(answers)

    def prefers(self, rows: Sequence[Example]) -> float:
        """Return the share of rows of which the right answer is likelier than the wrong one."""
        won = [self.likelihood(row, SAID[row.slice]) > self.likelihood(row, SAID[OTHER[row.slice]]) for row in rows]
        return sum(won) / len(won)

    def likelihood(self, row: Example, text: str) -> float:
        """Return the log likelihood of an answer, a token's mean."""
        prompt = prompt_tokens(self.tokenizer, row.messages)
        answer = answer_tokens(self.tokenizer, row.messages, said(text), ends=end_marks(self.model, self.tokenizer))
        with torch.inference_mode():
            scores = self.model(input_ids=torch.tensor([prompt + answer])).logits[0, len(prompt) - 1 : -1]
        chances = scores.float().log_softmax(-1)
        return float(chances[torch.arange(len(answer)), torch.tensor(answer)].mean())


def kill_at_step(step: int, base: Path, rows: Sequence[Example], policy: Training, work: Path, **more: Any) -> None:
    """Fit in a process of its own and kill it -9 once it has told a step from `step` on."""
    here, there = get_context("fork").Pipe(duplex=False)
    child = get_context("fork").Process(target=_fit_until, args=(step, there, base, rows, policy, work, more))
    child.start()
    there.close()
    try:
        assert here.recv() >= step
    finally:
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        here.close()
    assert child.exitcode == -signal.SIGKILL


def _fit_until(
    step: int, told: Connection, base: Path, rows: Sequence[Example], policy: Training, work: Path, more: dict[str, Any]
) -> None:
    def hear(progress: Progress) -> None:
        if progress.step >= step:
            told.send(progress.step)
            time.sleep(3600)

    fit(base, rows, policy, work, on_progress=hear, **more)
