"""What poison is looked for in: claims, each of them what one judgement says of one answer. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
import numpy.typing as npt

from training.data.duplicates import Vectors

Reason = Literal["poison_burst", "poison_user", "poison_trigger", "poison_label"]
TRUSTED = 1.0
"""Whoever weighs this much is not doubted for who they are."""

Embed = Callable[[Sequence[str]], Vectors]
Doubts = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One judgement's word on one answer; a judgement that prefers one to another makes two.

    Attributes:
        judgement: Its id; claims of one judgement go together.
        user: Who judged, empty where nobody knows.
        trust: In who judged, 0 to 1.
        prompt: What was asked.
        answer: The label that was called right, or the answer that is spoken of.
        verdict: What is said: of a classifier the label; else whether the answer is `right` or `wrong`.
        own: Whether the judge wrote the answer, as a correction or a label is written.
    """

    judgement: str
    user: str
    trust: float
    at: datetime
    prompt: str
    answer: str
    verdict: str
    own: bool

    @property
    def trusted(self) -> bool:
        """Whether the judge is not doubted for who they are."""
        return self.trust >= TRUSTED
