"""An embedder that knows its last texts still: what one scorer asks for, the next gets without its being made again."""

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

import numpy as np
import wordllama

from services.scorers.embedding import DIMENSIONS, MAX_CHARACTERS, Embedder, Vectors

REMEMBERED = 2_048


class RememberedEmbedder(Embedder):
    """Makes a text's row once while it is among the last. Safe to share between threads.

    Attributes:
        remembered: How many texts are kept.
    """

    def __init__(self, model: wordllama.WordLlamaInference) -> None:
        super().__init__(model)
        self.remembered = REMEMBERED
        self._rows: OrderedDict[str, Vectors] = OrderedDict()
        self._lock = Lock()

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one unit row a text, as Embedder does."""
        short = [text[:MAX_CHARACTERS] for text in texts]
        found = self._known(short)
        if missing := list(dict.fromkeys(text for text in short if text not in found)):
            made = dict(zip(missing, super().embed(missing), strict=True))
            found |= made
            self._keep(made)
        return np.stack([found[text] for text in short]) if short else np.zeros((0, DIMENSIONS), np.float32)

    def _known(self, texts: Sequence[str]) -> dict[str, Vectors]:
        with self._lock:
            return {text: self._rows[text] for text in texts if text in self._rows}

    def _keep(self, made: dict[str, Vectors]) -> None:
        with self._lock:
            self._rows |= made
            while len(self._rows) > self.remembered:
                self._rows.popitem(last=False)
