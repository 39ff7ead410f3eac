"""Unit vectors of texts for several scorers: what one has asked for, the next gets without its being made again."""

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

import numpy as np

from services.scorers.behaviour.texts import cut
from services.scorers.embedding import DIMENSIONS, Embedder, Vectors

REMEMBERED = 2_048


class Remembered:
    """An embedder that remembers what it made last; safe to share between threads.

    Only the first 8,000 characters of a text count, as for the embedder.
    """

    def __init__(self, embedder: Embedder, remembered: int = REMEMBERED) -> None:
        self._embedder, self._most = embedder, remembered
        self._rows: OrderedDict[str, Vectors] = OrderedDict()
        self._lock = Lock()

    def of(self, texts: Sequence[str]) -> Vectors:
        """Return one unit row a text, (len(texts), 256); a text without any known token has the zero row."""
        short = [cut(text) for text in texts]
        found = self._known(short)
        if missing := list(dict.fromkeys(text for text in short if text not in found)):
            made = dict(zip(missing, self._embedder.embed(missing), strict=True))
            found |= made
            self._keep(made)
        return np.stack([found[text] for text in short]) if short else np.zeros((0, DIMENSIONS), np.float32)

    def _known(self, texts: Sequence[str]) -> dict[str, Vectors]:
        with self._lock:
            return {text: self._rows[text] for text in texts if text in self._rows}

    def _keep(self, made: dict[str, Vectors]) -> None:
        with self._lock:
            self._rows |= made
            while len(self._rows) > self._most:
                self._rows.popitem(last=False)


def known(row: Vectors) -> bool:
    """Return whether a text had any known token."""
    return bool(row.any())
