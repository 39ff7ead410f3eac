"""What the event loop asks of the model's thread, and what comes back."""

from collections.abc import Callable
from dataclasses import dataclass, field

from services.models.grammars import Grammar

MAX_TOKENS = 512


@dataclass(frozen=True, slots=True)
class Sampling:
    """How an answer is written. Temperature 0 takes the most probable token.

    Attributes:
        frequency: Taken off a token's logit for each time that the answer has it already.
        presence: Taken off once, for a token that the answer has already.
        alternatives: How many of the likeliest tokens are told beside each one; None tells no probabilities.
    """

    max_tokens: int = MAX_TOKENS
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    frequency: float = 0.0
    presence: float = 0.0
    alternatives: int | None = None


@dataclass(frozen=True, slots=True)
class Likelihood:
    """A token and how likely the model held it before temperature, penalties and grammar (natural logarithm)."""

    token: bytes
    logprob: float
    alternatives: tuple["Likelihood", ...] = ()


@dataclass(frozen=True, slots=True)
class Chosen:
    """The most probable answer's position; ends a choice."""

    index: int


@dataclass(frozen=True, slots=True)
class Said:
    """One more token: the text that it lets be shown, which may be empty, and the likelihoods of what is shown."""

    text: str
    likelihoods: tuple[Likelihood, ...] = ()


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
        grammar: What a text must keep to; None leaves it free.
        deliver: Called in the model's thread with each outcome.
        cancelled: Set when nobody waits for it any more.
    """

    slot: str
    prompt: tuple[int, ...]
    deliver: Callable[[Outcome], None]
    answers: tuple[tuple[int, ...], ...] = ()
    sampling: Sampling = field(default_factory=Sampling)
    grammar: Grammar | None = None
    cancelled: bool = False

    @property
    def longest(self) -> int:
        """Tokens that it may come to, prompt included."""
        return len(self.prompt) + self.sampling.max_tokens
