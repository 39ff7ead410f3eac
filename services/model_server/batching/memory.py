"""What attention keeps of the rows of a batch: one place a row, each as full as its own text is long."""

from collections.abc import Sequence
from typing import Any

import torch
from transformers import Cache, DynamicCache
from transformers.cache_utils import CacheLayerMixin

# Places grow by so many tokens at a time: growing copies them.
_COLUMNS = 64


class RowMemory:
    """Keys and values of rows 0 to n-1, packed: the last row moves into the place of one that leaves.

    Unlike transformers' caches nothing is copied at a step, rows of unlike length need no padding, and one that
    joins or leaves touches no other. For full attention: every layer keeps every token.
    """

    def __init__(self) -> None:
        self._lengths: list[int] = []
        self._layers: list[_Layer] = []

    def __len__(self) -> int:
        return len(self._lengths)

    @property
    def positions(self) -> torch.Tensor:
        """Where each row's next token stands, (n, 1)."""
        return torch.tensor(self._lengths)[:, None]

    @property
    def mask(self) -> torch.Tensor | None:
        """What each row's next token may look at, (n, 1, 1, longest + 1) bool; None where rows are of one length."""
        if len(set(self._lengths)) == 1:
            return None
        columns = torch.arange(max(self._lengths) + 1)
        return (columns <= self.positions)[:, None, None, :]

    def cache(self) -> Cache:
        """Return the cache to read each row's next token with; counts the token as read."""
        longest = max(self._lengths) + 1
        at = torch.tensor(self._lengths)
        for layer in self._layers:
            layer.expect(at, longest)
        self._lengths = [length + 1 for length in self._lengths]
        return Cache(layers=list(self._layers))

    def join(self, read: DynamicCache, rows: Sequence[int], lengths: Sequence[int]) -> None:
        """Take rows of a cache that was read with padding on the right; `lengths` are theirs without it."""
        if not rows:
            return
        if not self._layers:
            self._layers = [_Layer() for _ in read.layers]
        for layer, source in zip(self._layers, read.layers, strict=True):
            layer.join(len(self), source.keys[list(rows)], source.values[list(rows)], max(lengths))
        self._lengths += lengths

    def leave(self, row: int) -> None:
        """Forget a row; the last row takes its place. Without rows nothing is held."""
        last = self._lengths.pop()
        if row < len(self._lengths):
            self._lengths[row] = last
            for layer in self._layers:
                layer.move(len(self._lengths), row, last)
        if not self._lengths:
            self._layers = []


class _Layer(CacheLayerMixin):  # type: ignore[misc]  # transformers is untyped here
    """One layer's keys and values, (places, heads, columns, width)."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: Any = None
        self.values: Any = None
        self.is_initialized: bool = False
        self._at = torch.empty(0, dtype=torch.long)
        self._rows = torch.empty(0, dtype=torch.long)
        self._longest = 0

    def expect(self, at: torch.Tensor, longest: int) -> None:
        """Make room for one more token a row."""
        self._at, self._rows, self._longest = at, torch.arange(len(at)), longest
        self._fit(self.keys, self.values, len(at), longest)

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Keep one token of every row; return what the rows look at."""
        self.keys[self._rows, :, self._at] = key_states[:, :, 0]
        self.values[self._rows, :, self._at] = value_states[:, :, 0]
        rows = len(self._rows)
        return self.keys[:rows, :, : self._longest], self.values[:rows, :, : self._longest]

    def join(self, begin: int, keys: torch.Tensor, values: torch.Tensor, longest: int) -> None:
        """Put rows into the places from `begin`."""
        end = begin + len(keys)
        self._fit(keys, values, end, longest)
        self.keys[begin:end, :, :longest] = keys[:, :, :longest]
        self.values[begin:end, :, :longest] = values[:, :, :longest]

    def move(self, source: int, target: int, length: int) -> None:
        """Copy a row into another place."""
        for held in (self.keys, self.values):
            held[target, :, :length] = held[source, :, :length]

    def _fit(self, keys: torch.Tensor, values: torch.Tensor, rows: int, columns: int) -> None:
        """Have places for so many rows and columns; new ones are zero, as masked garbage could be no number."""
        places, held = (self.keys.shape[0], self.keys.shape[2]) if self.is_initialized else (0, 0)
        if rows <= places and columns <= held:
            return
        rows, columns = max(rows, places), max(-(-columns // _COLUMNS) * _COLUMNS, held)
        grown = [tensor.new_zeros(rows, tensor.shape[1], columns, tensor.shape[3]) for tensor in (keys, values)]
        if self.is_initialized:
            grown[0][:places, :, :held], grown[1][:places, :, :held] = self.keys, self.values
        self.keys, self.values = grown
        self.is_initialized = True

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        """Nothing to do: rows join before they are read."""

    def get_seq_length(self) -> int:
        """Return what the longest row had before this step."""
        return self._longest - 1

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Return how many columns a mask has, and where it begins."""
        return self._longest + query_length - 1, 0

    def get_max_length(self) -> int:
        """Return that there is no bound here."""
        return -1
