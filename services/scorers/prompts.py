"""The three scores of a prompt that drift is measured on, from one embedding of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from services.scorers.embedding import Embedder, Vectors
from services.scorers.heads import Head, Probabilities, harm_head, injection_head


@dataclass(frozen=True, slots=True, eq=False)
class PromptScorers:
    """What scores prompts in traffic and, at training time, the reference they are compared with."""

    embedder: Embedder
    injection: Head
    harm: Head

    @classmethod
    def load(cls, data: Path) -> Self:
        """Load everything; the first call on a data folder trains the heads, a minute or two.

        Args:
            data: The deployment's data folder.
        """
        embedder = Embedder.load()
        return cls(embedder, injection_head(data, embedder), harm_head(data, embedder))

    def score(self, texts: Sequence[str]) -> tuple[Vectors, dict[str, Probabilities]]:
        """Return the embeddings (n, 256), and prompt.injection and prompt.harm (n,) by name."""
        rows = self.embedder.embed(texts)
        return rows, {
            "prompt.injection": self.injection.score(texts, rows),
            "prompt.harm": self.harm.score(texts, rows),
        }
