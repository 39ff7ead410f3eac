"""Both versions write their answers, as serving would: same template, tools and form, greedy, base loaded once."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import psutil
import torch
from transformers import GenerationConfig

from schemas.gate_report import Effort
from schemas.inference import Message, ToolCall, ToolDeclared
from services.models.adapters import ResidentAdapters
from services.models.base import load_base
from services.models.conversations import answer_tokens, prompt_tokens
from services.models.end_marks import end_marks
from services.models.grammars import Grammars
from services.models.tools import calls_in
from training.judging.texts.held import Forms, Held

Who = Literal["candidate", "incumbent"]
BATCH = 16
BATCH_TOKENS = 8192
"""Of prompts, padding included: a few long ones are a batch of their own."""
_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: a conversation, tools that it declares, and the JSON Schema that answers are to keep to."""

    messages: tuple[Message, ...]
    tools: tuple[ToolDeclared, ...] = ()
    schema: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """Answers of one version, in the order of the questions.

    Attributes:
        tokens: Of each answer, its end mark aside.
        seconds: By answer, of each batch; the other version's batch of the same questions ran beside it in time.
        peak_bytes: The most memory that was seen in use after a batch.
    """

    answers: tuple[Message, ...]
    tokens: tuple[int, ...]
    seconds: tuple[float, ...]
    total_seconds: float
    peak_bytes: int

    @property
    def effort(self) -> Effort:
        """What the answers took."""
        count = max(1, len(self.answers))
        return Effort(
            tokens_per_second=sum(self.tokens) / self.total_seconds if self.total_seconds else 0.0,
            seconds_per_answer=self.total_seconds / count,
            tokens_per_answer=sum(self.tokens) / count,
            peak_megabytes=self.peak_bytes / _MEGABYTE,
        )


class Writers:
    """Candidate and incumbent on one base.

    Args:
        base: Folder of the base model.
        candidate: Adapter folder.
        incumbent: Adapter folder of the served version; None means the base model answers now.
        heard: Told after each batch how many answers of both have been written.
    """

    def __init__(
        self, base: Path, candidate: Path, incumbent: Path | None, heard: Callable[[int], None] = lambda _: None
    ) -> None:
        self.model, self.tokenizer = load_base(base)
        self._adapters = ResidentAdapters(self.model)
        self._slots: dict[Who, str] = {"candidate": "candidate", "incumbent": "incumbent" if incumbent else ""}
        self._adapters.load("candidate", candidate)
        if incumbent is not None:
            self._adapters.load("incumbent", incumbent)
        self._ends = end_marks(self.model, self.tokenizer)
        self._heard, self._count = heard, 0
        self._forms = Forms(partial(Grammars, self.tokenizer, self.model.config.vocab_size, self._ends))

    def base(self) -> AbstractContextManager[Any]:
        """Yield the base model, no adapter active."""
        return self._adapters.answering("")

    def write(self, questions: Sequence[Question], *, most_tokens: int) -> dict[Who, Written]:
        """Return both versions' answers; the same questions give the same answers.

        Questions of like length share a batch. A prompt that leaves no room in the context gets an empty answer.
        """
        prompts = [prompt_tokens(self.tokenizer, question.messages, question.tools) for question in questions]
        gathered: dict[Who, _Gathered] = {who: _Gathered(len(questions)) for who in self._slots}
        for rows in _of_like_length(prompts, self.model.config.max_position_embeddings - most_tokens):
            for who, slot in self._slots.items():
                begun = time.perf_counter()
                with self._adapters.answering(slot) as model:
                    ids = self._batch(
                        model, [prompts[row] for row in rows], most_tokens, [questions[row].schema for row in rows]
                    )
                gathered[who].take(rows, ids, [self._said(row) for row in ids], time.perf_counter() - begun)
            self._count += len(self._slots) * len(rows)
            self._heard(self._count)
        return {who: one.written for who, one in gathered.items()}

    def perplexity(self, who: Who, questions: Sequence[Question], references: Sequence[Message]) -> float:
        """Return the perplexity of all references' tokens together; 1 without any."""
        loss, count = 0.0, 0
        for question, reference in zip(questions, references, strict=True):
            prompt = prompt_tokens(self.tokenizer, question.messages, question.tools)
            answer = answer_tokens(self.tokenizer, question.messages, reference, tools=question.tools, ends=self._ends)
            ids = torch.tensor([[*prompt, *answer]])[:, : self.model.config.max_position_embeddings]
            with self._adapters.answering(self._slots[who]) as model, torch.inference_mode():
                chances = torch.log_softmax(model(input_ids=ids).logits[0, len(prompt) - 1 : -1].float(), dim=-1)
            told = ids[0, len(prompt) :]
            loss -= float(chances.gather(1, told[:, None]).sum())
            count += len(told)
        return float(torch.tensor(loss / count).exp()) if count else 1.0

    def _batch(
        self, model: Any, prompts: Sequence[Sequence[int]], most_tokens: int, schemas: Sequence[str]
    ) -> list[list[int]]:
        longest = max(map(len, prompts))
        ids = torch.tensor([[0] * (longest - len(prompt)) + list(prompt) for prompt in prompts])
        mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts])
        plan = GenerationConfig(
            do_sample=False, max_new_tokens=most_tokens, eos_token_id=sorted(self._ends), pad_token_id=min(self._ends)
        )
        followed = [self._forms.follow(schema) for schema in schemas]
        processors = [Held(followed, longest, min(self._ends))] if any(followed) else []
        with torch.inference_mode():
            whole = model.generate(
                input_ids=ids, attention_mask=mask, generation_config=plan, logits_processor=processors
            )
        return [self._until_end(row[longest:].tolist()) for row in whole]

    def _until_end(self, ids: list[int]) -> list[int]:
        return ids[: next((at for at, token in enumerate(ids) if token in self._ends), len(ids))]

    def _said(self, ids: list[int]) -> Message:
        return message_of(str(self.tokenizer.decode(ids, skip_special_tokens=True)).strip())


class _Gathered:
    def __init__(self, count: int) -> None:
        self._answers = [Message(role="assistant")] * count
        self._tokens = [0] * count
        self._seconds: list[float] = []
        self._total, self._peak = 0.0, 0

    def take(self, rows: list[int], ids: list[list[int]], answers: list[Message], took: float) -> None:
        for row, one, answer in zip(rows, ids, answers, strict=True):
            self._answers[row], self._tokens[row] = answer, len(one)
        self._seconds.append(took / len(rows))
        self._total += took
        self._peak = max(self._peak, _in_use())

    @property
    def written(self) -> Written:
        return Written(tuple(self._answers), tuple(self._tokens), tuple(self._seconds), self._total, self._peak)


def message_of(text: str) -> Message:
    """Return a written text as a message, with the calls that the model server would read in it.

    Example:
        >>> message_of('<tool_call>{"name": "find", "arguments": {"id": 1}}</tool_call>').tool_calls[0].arguments
        '{"id": 1}'
    """
    rest, calls = calls_in(text)
    made = tuple(ToolCall(id=str(at), name=call.name, arguments=call.arguments) for at, call in enumerate(calls))
    return Message(role="assistant", content=rest, tool_calls=made)


def _of_like_length(prompts: Sequence[Sequence[int]], room: int) -> Iterator[list[int]]:
    order = sorted((row for row in range(len(prompts)) if len(prompts[row]) <= room), key=lambda row: len(prompts[row]))
    rows: list[int] = []
    for row in order:
        if rows and (len(rows) == BATCH or (len(rows) + 1) * len(prompts[row]) > BATCH_TOKENS):
            yield rows
            rows = []
        rows.append(row)
    if rows:
        yield rows


def _in_use() -> int:
    """Return the bytes in use now: of the device where there is one, else of this process."""
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    return int(psutil.Process().memory_info().rss)
