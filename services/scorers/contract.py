"""What every scorer promises: calls in, for each of them the same row of scores out.

A scorer is deterministic, judges each call alone, and never raises for a text, however odd (empty, a
megabyte, half a surrogate pair, any script). What it can't judge it says so, with the reason; that is
never 0. It may raise for itself: weights that are absent, an endpoint that is away.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from schemas.inference import InferenceResponded, LogprobSummary, Message, ToolDeclared
from schemas.privacy import Private

Side = Literal["prompt", "response", "pair", "conversation"]
Direction = Literal["higher is worse", "higher is better", "neither"]
CostClass = Literal["cheap", "model", "remote"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a scorer is shown of one call; what is not there is empty.

    Attributes:
        prompt: Text of the last user message.
        answer: Text of the answer.
        messages: The conversation up to the answer, the prompt included.
        output: The whole answer, with its tool calls.
        contexts: Passages that the answer should be grounded in.
        app: Whose call it is; references and rubrics differ by app and version.
        tools: What the model was offered to call.
        response_schema: JSON Schema that the answer was asked to keep to.
        logprobs: How likely the answer's tokens were.
        private: What was found in the texts before they were masked; None where nobody looked.
    """

    prompt: str = ""
    answer: str = ""
    messages: tuple[Message, ...] = ()
    output: Message | None = None
    contexts: tuple[str, ...] = ()
    finish_reason: str = ""
    app: str = ""
    adapter_version: str = ""
    tools: tuple[ToolDeclared, ...] = ()
    response_schema: str = ""
    logprobs: LogprobSummary | None = None
    private: Private | None = None

    @classmethod
    def of(cls, response: InferenceResponded) -> "Subject":
        """Return what scorers see of a recorded call."""
        return cls(
            prompt=response.prompt,
            answer=response.answer,
            messages=response.messages,
            output=response.output,
            contexts=tuple(context.text for context in response.contexts),
            finish_reason=response.finish_reason,
            app=response.app,
            adapter_version=response.adapter_version,
            tools=response.tools,
            response_schema=response.response_schema,
            logprobs=response.logprobs,
            private=response.private,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One score that a scorer gives.

    Attributes:
        name: As monitors and tables know it, `<side>.<what>`, e.g. prompt.injection.
        unit: probability, ratio, count, distance, characters, nats and the like.
        low: Smallest value there is.
        high: Largest; infinity where there is none.
        labels: What the score may be called; empty for a plain measure.
    """

    name: str
    unit: str
    direction: Direction
    low: float = 0.0
    high: float = 1.0
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a scorer says of itself.

    Attributes:
        name: Of the scorer, in configuration and tables, e.g. injection-head.
        version: Changes whenever a text's score may: weights, data, template, library.
        side: What it reads of a call.
        measures: The scores of every row, in this order.
        cost: cheap sees every call; model and remote may be sampled.
        source: Paper, standard or model card.
        blind_spots: What it can't see, in a sentence or two.
    """

    name: str
    version: str
    side: Side
    measures: tuple[Measure, ...]
    cost: CostClass
    source: str
    blind_spots: str

    @property
    def scorer(self) -> str:
        """Name and version, as a recorded score names its scorer."""
        return f"{self.name}@{self.version}"


@dataclass(frozen=True, slots=True)
class Score:
    """One value of one call, or why there is none.

    Attributes:
        name: The measure's.
        value: Finite, between the measure's bounds; None when not judged.
        label: The measure's word for the value at the scorer's threshold; empty for plain measures.
        categories: Hazards or kinds behind the label, e.g. violent-crimes.
        unjudged: Why there is no value, in a few words and never with text of the call; empty when there is one.
    """

    name: str
    value: float | None
    label: str = ""
    categories: tuple[str, ...] = ()
    unjudged: str = ""

    def __post_init__(self) -> None:
        if (self.value is None) != bool(self.unjudged):
            raise ValueError(f"{self.name}: either a value or why there is none, not {self.value} and {self.unjudged}")
        if self.value is not None and not math.isfinite(self.value):
            raise ValueError(f"{self.name}: {self.value} is no score")


class Scorer(Protocol):
    """Judges calls in batches."""

    @property
    def card(self) -> Card:
        """What it is."""

    def score(self, subjects: Sequence[Subject]) -> list[tuple[Score, ...]]:
        """Return a row for each subject, in their order; a row has one score for each measure of the card."""


def unjudged(card: Card, reason: str) -> tuple[Score, ...]:
    """Return the row of a call that a scorer couldn't judge."""
    return tuple(Score(measure.name, None, unjudged=reason) for measure in card.measures)
