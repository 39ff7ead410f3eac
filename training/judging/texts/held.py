"""Holds the answers of one batch to the forms that their calls asked for, token by token, as the model server does."""

import logging
from collections.abc import Callable, Sequence
from functools import cache

import msgspec
import torch
from transformers import LogitsProcessor

from services.models.grammars import BadGrammar, Following, Grammar, Grammars

_log = logging.getLogger(__name__)


class Forms:
    """JSON Schemas of calls as grammars, each made once.

    Args:
        grammars: Makes what makes and follows them; asked at the first schema.
    """

    def __init__(self, grammars: Callable[[], Grammars]) -> None:
        self._grammars = cache(grammars)
        self._known: dict[str, Grammar | None] = {}

    def follow(self, schema: str) -> Following | None:
        """Return a new text's place in its form; None where it is free, or the server could not keep to the form."""
        if schema not in self._known:
            self._known[schema] = self._grammar(schema)
        grammar = self._known[schema]
        return None if grammar is None else self._grammars().follow(grammar)

    def _grammar(self, schema: str) -> Grammar | None:
        if not schema:
            return None
        try:
            return self._grammars().of_schema(msgspec.json.decode(schema, type=dict[str, object]))
        except (BadGrammar, msgspec.DecodeError) as error:
            _log.warning("answers are judged free of a form that can't be kept to: %s", type(error).__name__)
            return None


class Held(LogitsProcessor):  # type: ignore[misc]  # transformers is untyped here
    """Masks what a row's form forbids; a form that is complete, or outgrew its limits, ends the row.

    Args:
        rows: Each row's place in its form, None where it is free.
        prompt: Length of the prompts.
        end: Token that ends an answer.
    """

    def __init__(self, rows: Sequence[Following | None], prompt: int, end: int) -> None:
        self._rows = list(rows)
        self._over = [False] * len(rows)
        self._prompt, self._end = prompt, end

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Return scores, (rows, vocabulary), in which what must not come next is impossible."""
        held = scores.clone()
        for at, following in enumerate(self._rows):
            if following is None:
                continue
            if input_ids.shape[1] > self._prompt and not self._over[at]:
                self._over[at] = _is_over(following, int(input_ids[at, -1]))
            if self._over[at]:
                held[at] = -torch.inf
                held[at, self._end] = 0.0
            else:
                held[at] = held[at].masked_fill(following.forbidden(held.shape[1]).to(held.device), -torch.inf)
        return held


def _is_over(following: Following, token: int) -> bool:
    try:
        return following.hear(token)
    except RuntimeError:
        return True
