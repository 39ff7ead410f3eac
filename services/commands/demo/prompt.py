"""What every demonstration's prompts are: something that users ask, know the answer to, and judge.

What an app that classifies and one that writes do differently stands behind this interface.
"""

from typing import Protocol

import msgspec

from schemas.inference import Message

Messages = tuple[dict[str, str], ...]


class Said(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A judgement in the words of POST /v1/feedback, which event and import share. One of them is given.

    Attributes:
        label: The answer of an app that classifies.
        correction: The answer of an app that writes.
        score: 1 for a thumb up, 0 for one down.
    """

    label: str | None = None
    correction: str | None = None
    score: float | None = None

    @property
    def message(self) -> Message | None:
        """The correction as the record of the topic has it."""
        return None if self.correction is None else Message(role="assistant", content=self.correction)


class Prompt(Protocol):
    """A request whose right answer is known."""

    @property
    def slice(self) -> str:
        """Part of the data that it stands for."""

    @property
    def messages(self) -> Messages:
        """The chat that a client sends."""

    @property
    def known(self) -> Said:
        """What was said of it in the past, with the right answer in it."""

    def judged(self, answer: str) -> Said:
        """Return what its user says of an answer."""

    def worth(self, answer: str) -> float:
        """Return the app's primary metric for an answer, 0 to 1."""

    @property
    def spoilt(self) -> Said:
        """A wrong answer told as the right one."""
