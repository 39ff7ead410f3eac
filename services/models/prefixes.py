"""What conversations begin with in common, read once: an instruction before every prompt is half of the work.

Keys and values of the shared tokens depend on the adapter, so a prefix belongs to one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import DynamicCache

SHORTEST = 8
# Stands after a known prefix, which may be shared to its last token.
_NO_TOKEN = -1

Ids = Sequence[int]


@dataclass(frozen=True, slots=True)
class Prefix:
    """Tokens and what attention keeps of them: for each layer keys and values, (1, heads, tokens, width)."""

    ids: tuple[int, ...]
    layers: tuple[tuple[torch.Tensor, torch.Tensor], ...]

    def cut(self, length: int) -> "Prefix":
        """Return the first tokens alone; under causal attention nothing is read anew."""
        return Prefix(self.ids[:length], tuple((k[:, :, :length], v[:, :, :length]) for k, v in self.layers))

    def cache(self, rows: int) -> DynamicCache:
        """Return a cache that many rows can go on from."""
        cache = DynamicCache()
        for layer, (keys, values) in enumerate(self.layers):
            cache.update(keys.expand(rows, -1, -1, -1), values.expand(rows, -1, -1, -1), layer)
        return cache


def common_beginning(rows: Sequence[Ids]) -> tuple[int, ...]:
    """Return the tokens that all rows begin with, short of the last token of the shortest."""
    least, greatest = min(map(tuple, rows)), max(map(tuple, rows))
    shortest = min(len(row) for row in rows) - 1
    length = next((at for at in range(shortest) if least[at] != greatest[at]), shortest)
    return least[: max(0, length)]


def read_prefix(inner: Any, ids: Ids) -> Prefix:
    """Read tokens with the inner model, once, with the adapter that is active."""
    with torch.inference_mode():
        cache = inner(input_ids=torch.tensor([list(ids)]), use_cache=True).past_key_values
    return Prefix(tuple(ids), tuple((layer.keys, layer.values) for layer in cache.layers))


class PrefixMemory:
    """The prefix of one adapter's calls, learnt from them: it only ever shrinks to what all have had in common."""

    def __init__(self) -> None:
        self._known: Prefix | None = None
        self._last: Ids = ()

    def recall(self, inner: Any, prompts: Sequence[Ids]) -> Prefix | None:
        """Return a prefix that all prompts begin with, or None where it would not pay.

        Args:
            inner: The inner model with the adapter active; called when a prefix is new.
            prompts: The calls at hand, not empty; the last one is remembered.
        """
        known = self._known
        seen: list[Ids] = [(*known.ids, _NO_TOKEN)] if known else [self._last] if self._last else []
        self._last = prompts[-1]
        if len(prompts) + len(seen) < 2:
            return None
        shared = common_beginning([*prompts, *seen])
        if len(shared) < SHORTEST:
            self._known = None
        elif known is None:
            self._known = read_prefix(inner, shared)
        elif len(shared) < len(known.ids):
            self._known = known.cut(len(shared))
        return self._known
