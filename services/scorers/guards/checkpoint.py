"""A guard's weights on this machine: one forward pass gives a score, the fixed beginning of its prompt is kept.

Rows of a batch are padded on the right. A causal model never looks there, so padding changes no score, and
sliding windows lie where they would without it.
"""

import copy
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import GenerationConfig
from transformers.cache_utils import DynamicCache, DynamicLayer, DynamicSlidingWindowLayer

from services.scorers.contract import CostClass
from services.scorers.guards.asking import GREETING, Form, Question, Reading, Turn
from services.scorers.guards.template import Template

MOST_BLANK_TOKENS = 2
MOST_ANSWER_TOKENS = 48
LEAST_PREFIX = 16
MOST_PREFIXES = 8
LEAST_MASS = 1e-5
"""Less probability on all words of an answer than this is no answer in the guard's form."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question as tokens: the prompt's, and for each word those that begin it."""

    tokens: list[int]
    words: tuple[tuple[int, ...], ...]
    prefix: tuple[int, ...]


class Checkpoint:
    """A causal language model with its tokenizer, asked for the probabilities of next words.

    Args:
        model: A transformers model that gives logits of the next token.
        template: Of the same checkpoint.
        version: A hash of the weights and of how they are loaded.
        batch: Rows in a forward pass.
        keep_prefixes: Whether the keys and values of fixed prefixes are kept between calls.
    """

    cost: CostClass = "model"

    def __init__(
        self, model: Any, template: Template, *, version: str, batch: int = 8, keep_prefixes: bool = True
    ) -> None:
        self.model = model.eval()
        self.render = template
        self.version = version
        self._batch = batch
        self._keeps_prefixes = keep_prefixes
        self._prefixes: dict[tuple[Form, str], tuple[int, ...]] = {}
        self._snapshots: OrderedDict[tuple[int, ...], Any] = OrderedDict()
        self._blanks: dict[Form, tuple[int, ...]] = {}
        self._words: dict[tuple[tuple[str, ...], bool], tuple[tuple[int, ...], ...]] = {}
        model.generation_config = _greedy(model.generation_config)

    @property
    def template(self) -> str:
        """The chat template's source."""
        return self.render.source

    def ask(self, questions: Sequence[Question]) -> list[Reading]:
        """Return a reading for each question; those of like length share a forward pass."""
        asked = [self._asked(question) for question in questions]
        readings = [Reading(unjudged="the guard's instruction is longer than its context")] * len(asked)
        waiting = sorted(
            ((at, one) for at, one in enumerate(asked) if one is not None),
            key=lambda pair: (pair[1].prefix, len(pair[1].tokens)),
        )
        while waiting:
            rows = [pair for pair in waiting[: self._batch] if pair[1].prefix == waiting[0][1].prefix]
            waiting = waiting[len(rows) :]
            for (at, one), chances in zip(rows, self._next([one for _, one in rows]), strict=True):
                readings[at] = _reading(chances, one.words)
        return readings

    def say(self, questions: Sequence[Question]) -> list[str]:
        """Return the line that the guard writes after each question's start, one question at a time."""
        return [self._line(question) for question in questions]

    def _asked(self, question: Question) -> _Asked | None:
        prompt = self.render.fitted(question.form, question.conversation)
        if prompt is None:
            return None
        tokens = self.render.begun(prompt, self._blank(question.form) if question.blank else (), question.start)
        words = self._beginnings(question)
        prefix = self._prefix(question.form, question.conversation[-1])
        return _Asked(tokens, words, prefix if tuple(tokens[: len(prefix)]) == prefix else ())

    def _beginnings(self, question: Question) -> tuple[tuple[int, ...], ...]:
        key = (question.words, question.spelled)
        if key not in self._words:
            found = self.render.beginnings(question.words, spelled=question.spelled)
            self._words[key] = tuple(tuple(tokens) for tokens in found)
        return self._words[key]

    def _blank(self, form: Form) -> tuple[int, ...]:
        """Return the white space that the guard writes before its answer, such as Llama Guard 3's two newlines."""
        if form not in self._blanks:
            prompt = self.render.encode(self.render.prompt(form, (Turn("user", GREETING),)))
            blank: tuple[int, ...] = ()
            for _ in range(MOST_BLANK_TOKENS):
                likeliest = int(self._plain([[*prompt, *blank]])[0].argmax())
                written = str(self.render.tokenizer.decode([likeliest]))
                if not written or written.strip():
                    break
                blank = (*blank, likeliest)
            self._blanks[form] = blank
        return self._blanks[form]

    def _line(self, question: Question) -> str:
        prompt = self.render.fitted(question.form, question.conversation)
        if prompt is None:
            return ""
        blank = self._blank(question.form) if question.blank else ()
        tokens = torch.tensor([self.render.begun(prompt, blank, question.start)], device=self.model.device)
        with torch.inference_mode():
            written = self.model.generate(
                input_ids=tokens, attention_mask=torch.ones_like(tokens), max_new_tokens=MOST_ANSWER_TOKENS
            )
        said = str(self.render.tokenizer.decode(written[0, tokens.shape[1] :], skip_special_tokens=True))
        return said.lstrip("\n").partition("\n")[0]

    def _prefix(self, form: Form, judged: Turn) -> tuple[int, ...]:
        key = (form, judged.role)
        if key not in self._prefixes:
            prefix = self.render.prefix(form, judged.role) if self._keeps_prefixes else ()
            usable = len(prefix) >= LEAST_PREFIX and self._snapshot(prefix) is not None
            self._prefixes[key] = prefix if usable else ()
        return self._prefixes[key]

    def _snapshot(self, prefix: tuple[int, ...]) -> Any:
        """Return the keys and values of a prefix; None where the model's cache can't be continued as it stands."""
        if prefix in self._snapshots:
            self._snapshots.move_to_end(prefix)
            return self._snapshots[prefix]
        tokens = torch.tensor([prefix], device=self.model.device)
        with torch.inference_mode():
            kept = self.model(input_ids=tokens, use_cache=True, logits_to_keep=1).past_key_values
        if not _continues(kept, len(prefix)):
            return None
        self._snapshots[prefix] = kept
        if len(self._snapshots) > MOST_PREFIXES:
            self._snapshots.popitem(last=False)
        return kept

    def _next(self, rows: Sequence[_Asked]) -> torch.Tensor:
        prefix = rows[0].prefix
        if not prefix:
            return self._plain([row.tokens for row in rows])
        kept = copy.deepcopy(self._snapshot(prefix))
        kept.batch_repeat_interleave(len(rows))
        return self._plain([row.tokens[len(prefix) :] for row in rows], past_key_values=kept, use_cache=True)

    def _plain(self, rows: Sequence[Sequence[int]], **more: Any) -> torch.Tensor:
        """Return the probabilities of each row's next token, (rows, vocabulary)."""
        longest = max(len(row) for row in rows)
        tokens = torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows], device=self.model.device)
        ends = torch.tensor([len(row) - 1 for row in rows], device=self.model.device)
        kept = torch.tensor(sorted({len(row) - 1 for row in rows}), device=self.model.device)
        with torch.inference_mode():
            logits = self.model(input_ids=tokens, logits_to_keep=kept, **{"use_cache": False, **more}).logits
        last = logits[torch.arange(len(rows), device=logits.device), torch.searchsorted(kept, ends)]
        return torch.softmax(last.float(), dim=-1)


def _reading(chances: torch.Tensor, words: Sequence[Sequence[int]]) -> Reading:
    found = tuple(round(float(chances[list(tokens)].double().sum()), 9) for tokens in words)
    if not all(chance == chance for chance in found):
        return Reading(unjudged="the checkpoint gives no number")
    if sum(found) < LEAST_MASS:
        return Reading(unjudged="the checkpoint does not answer as this guard does")
    return Reading(found)


def _continues(kept: Any, tokens: int) -> bool:
    """A window that is full already has dropped what a later row may look at in another way."""
    if type(kept) is not DynamicCache:
        return False
    plain = all(type(layer) in (DynamicLayer, DynamicSlidingWindowLayer) for layer in kept.layers)
    return plain and all(tokens < getattr(layer, "sliding_window", tokens + 1) for layer in kept.layers)


def _greedy(given: Any) -> GenerationConfig:
    """A checkpoint's own settings for sampling are not wanted, and transformers warns of them."""
    ends = {key: getattr(given, key) for key in ("eos_token_id", "bos_token_id", "pad_token_id")}
    return GenerationConfig(do_sample=False, **ends)
