"""Texts to vectors. Every score over prompts starts here: heads, distances, near-duplicate removal.

The model is WordLlama's 256-d table (Miller 2024): token vectors taken from a large model, averaged.
No torch, no network; 18,000 short texts/s on two cores.
"""

import importlib.util
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import wordllama

NAME = "wordllama-l2-supercat-256"
DIMENSIONS = 256
MAX_CHARACTERS = 8_000
_LONE = re.compile("[\ud800-\udfff]")

Vectors = npt.NDArray[np.float32]


class Embedder:
    """Makes unit vectors of texts. Safe to share between threads; one takes 60 MB."""

    def __init__(self, model: wordllama.WordLlamaInference) -> None:
        self._tokenizer, self._table = model.tokenizer, model.embedding
        self._tokenizer.no_padding()
        # It takes a text for one word and would keep every short one, 6 KB each, for ever: 10,000 is no bound in 0.23.
        self._tokenizer.model._resize_cache(0)

    @classmethod
    def load(cls) -> Self:
        """Load the table that the wordllama package carries.

        The library looks for its files in folders its wheel does not use, but the package's own
        folder has the layout of its download cache, so that is what it is given.
        """
        spec = importlib.util.find_spec("wordllama")
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError("wordllama")
        model = wordllama.WordLlama.load(cache_dir=Path(spec.origin).parent, disable_download=True)
        return cls(model)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one unit row a text, (len(texts), 256) float32.

        A text without any known token gets the zero row. Only the first 8,000 characters count,
        so that one long prompt cannot hold up a batch.
        """
        rows = np.zeros((len(texts), DIMENSIONS), np.float32)
        # Token by token: the library pads a batch to its longest text and multiplies that, at four times the cost.
        for row, numbers in zip(rows, self._numbers(texts), strict=True):
            if len(numbers):
                self._table[numbers].mean(axis=0, out=row)
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        rows /= np.where(norms > 0, norms, 1.0)
        return rows

    def _numbers(self, texts: Sequence[str]) -> list[npt.NDArray[np.int64]]:
        if not texts:
            return []
        cut = [_LONE.sub("\ufffd", text[:MAX_CHARACTERS]) for text in texts]
        encodings = self._tokenizer.encode_batch_fast(cut, add_special_tokens=False)
        return [np.minimum(np.array(encoding.ids, np.int64), len(self._table) - 1) for encoding in encodings]
