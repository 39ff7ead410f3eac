"""What the catalogue, and a user's own factory, is told, and what it offers: a scorer described before it is loaded."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from schemas.scoring import ScorerEntry
from services.scorers.contract import Card, Scorer
from services.scorers.workshop import Workshop


class ScorerUnavailable(RuntimeError):
    """A scorer can't be had. The message is one line: which, what is wrong, how to mend."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A scorer as its entry asks for it.

    Attributes:
        workshop: What scorers of one process share: folders, environment, what is loaded.
    """

    entry: ScorerEntry
    workshop: Workshop

    def relative(self, path: str) -> Path:
        """Return a path of the entry, relative to the configuration's folder."""
        return self.workshop.folder / path


@dataclass(frozen=True, slots=True)
class Offer:
    """A scorer that is not loaded yet.

    Attributes:
        card: What it will say of itself.
        load: Makes it; raises ScorerUnavailable.
        missing: What it lacks to work, and how to get it, in one line; empty when all is there.
        remark: What else is worth knowing of its weights and data.
    """

    card: Card
    load: Callable[[], Scorer]
    missing: str = ""
    remark: str = ""
