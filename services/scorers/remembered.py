"""An embedder that knows its last texts still: scorers of one batch ask for the same rows one after the other."""

from collections.abc import Sequence

from services.scorers.embedding import Embedder, Vectors


class RememberedEmbedder(Embedder):
    """Makes the rows of a batch once. Safe to share between threads."""

    _last: tuple[tuple[str, ...], Vectors] | None = None

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one unit row a text, as Embedder does; don't write into them."""
        asked, last = tuple(texts), self._last
        if last is not None and last[0] == asked:
            return last[1]
        rows = super().embed(texts)
        self._last = (asked, rows)
        return rows
