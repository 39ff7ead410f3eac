"""What the event loop asks of the model's thread, and what comes back."""

from collections.abc import Callable
from dataclasses import dataclass, field

MAX_TOKENS = 512


@dataclass(frozen=True, slots=True)
class Sampling:
    """How an answer is written. Temperature 0 takes the most probable token."""

    max_tokens: int = MAX_TOKENS
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int | None = None
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chosen:
    """The most probable answer's position; ends a choice."""

    index: int


@dataclass(frozen=True, slots=True)
class Said:
    """More text; may be empty while a character is incomplete."""

    text: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The text is complete: `stop` or `length`."""

    reason: str
    tokens: int


@dataclass(frozen=True, slots=True)
class Broke:
    """The model failed on this job; the thread goes on."""


Outcome = Chosen | Said | Ended | Broke


@dataclass(slots=True, eq=False)
class Job:
    """One answer to be made.

    Attributes:
        slot: The adapter that answers; empty for the base.
        prompt: Tokens up to where the answer begins.
        answers: Tokens of the answers to choose from; empty means write freely.
        deliver: Called in the model's thread with each outcome.
        cancelled: Set when nobody waits for it any more.
    """

    slot: str
    prompt: tuple[int, ...]
    deliver: Callable[[Outcome], None]
    answers: tuple[tuple[int, ...], ...] = ()
    sampling: Sampling = field(default_factory=Sampling)
    cancelled: bool = False
