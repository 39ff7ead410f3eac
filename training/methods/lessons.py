"""What a method learns from, and what every method is: one interface, by whatever trainer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from schemas.training_policy import Training
from training.data.dataset import Example

ADAPTER = "adapter"


class NothingLearnt(RuntimeError):
    """There is nothing to learn from, or the first step had no gradient: the adapter would end as it began."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A step that was taken.

    Attributes:
        left_out: Training rows that were not learnt from, their answers or whole conversations being too long.
    """

    step: int
    steps: int
    loss: float
    left_out: int = 0


OnProgress = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Lessons:
    """What to learn from.

    Attributes:
        labels: Every possible answer of an app that classifies; empty for the others.
        validation: What early stopping watches; without any there is none.
        start: Adapter folder of the served version, None where there is none. It is gone on from if the policy says
            so and it has the shape that the policy wants.
    """

    train: Sequence[Example]
    labels: Sequence[str] = ()
    validation: Sequence[Example] = ()
    start: Path | None = None


class Method(Protocol):
    """One way to fit an adapter."""

    def fit(self, base: Path, lessons: Lessons, policy: Training, *, work: Path, on_progress: OnProgress) -> Path:
        """Return the folder of an adapter fitted to the lessons, `work`/adapter; with `full` that of a whole model.

        A finished adapter is returned at once; else training goes on from the last whole checkpoint in `work`;
        then the adapter is saved and, as the last step, moved into its place.

        Args:
            base: Folder of the base model.
            lessons: At least one to train on.
            policy: Steps, learning rate, rank and so on.
            work: Folder of this job and no other.
            on_progress: Called after the first step and then every few.

        Raises:
            NothingLearnt: No example suits the method, or the first step had no gradient.
        """
