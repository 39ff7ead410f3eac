"""The scorers of this room by name, and all of them with what they share loaded once."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import msgspec

from schemas.configuration import App
from schemas.reference import Reference
from services.scorers.behaviour.language.identifier import Identifier
from services.scorers.behaviour.language.scorers import language_mismatch, prompt_language, response_language
from services.scorers.behaviour.meaning.groundedness import Groundedness
from services.scorers.behaviour.meaning.similarity import Coherence, Relevance
from services.scorers.behaviour.meaning.topics import References, TopicDistance
from services.scorers.behaviour.meaning.vectors import Remembered
from services.scorers.behaviour.shape.forms import Form, format_scorer, tool_arguments
from services.scorers.behaviour.shape.lengths import prompt_length, response_length
from services.scorers.behaviour.shape.readability import readability
from services.scorers.behaviour.shape.repetition import repetition
from services.scorers.behaviour.shape.uncertainty import uncertainty
from services.scorers.behaviour.tone.refusal import refusal
from services.scorers.behaviour.tone.sentiment import prompt_sentiment, response_sentiment
from services.scorers.behaviour.tone.toxicity import Profanity, Toxicity
from services.scorers.contract import Scorer
from services.scorers.embedding import Embedder


def no_reference(_app: str, _version: str) -> Reference | None:
    """Return that no version has a reference."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class BehaviourSettings:
    """What the scorers of a deployment are told.

    Attributes:
        references: Finds the reference of an app's version.
        forms: What each app's answers should look like.
        embedder: Shared with other rooms; loaded when there is none.
    """

    references: References = no_reference
    forms: Mapping[str, Form] = field(default_factory=dict)
    embedder: Embedder | None = None


def forms_of(apps: Iterable[App]) -> dict[str, Form]:
    """Return what the answers of each app should look like, by its configuration."""
    return {
        app.name: Form(
            schema=msgspec.json.encode(app.answers.schema).decode() if app.answers.schema else "",
            pattern=app.answers.pattern,
            labels=app.labels,
        )
        for app in apps
    }


class _Shared:
    """What several scorers need, loaded when the first of them asks."""

    def __init__(self, settings: BehaviourSettings) -> None:
        self.settings = settings

    @cached_property
    def vectors(self) -> Remembered:
        return Remembered(self.settings.embedder or Embedder.load())

    @cached_property
    def identifier(self) -> Identifier:
        return Identifier()

    @cached_property
    def profanity(self) -> Profanity:
        return Profanity()


_FACTORIES: dict[str, Callable[[_Shared], Scorer]] = {
    "relevance": lambda shared: Relevance(shared.vectors),
    "coherence": lambda shared: Coherence(shared.vectors),
    "groundedness": lambda shared: Groundedness(shared.vectors),
    "topic-distance": lambda shared: TopicDistance(shared.vectors, shared.settings.references),
    "refusal": lambda _: refusal(),
    "prompt-sentiment": lambda shared: prompt_sentiment(shared.identifier),
    "response-sentiment": lambda shared: response_sentiment(shared.identifier),
    "prompt-toxicity": lambda shared: Toxicity("prompt", shared.profanity, shared.identifier),
    "response-toxicity": lambda shared: Toxicity("response", shared.profanity, shared.identifier),
    "prompt-language": lambda shared: prompt_language(shared.identifier),
    "response-language": lambda shared: response_language(shared.identifier),
    "language-mismatch": lambda shared: language_mismatch(shared.identifier),
    "readability": lambda _: readability(),
    "repetition": lambda _: repetition(),
    "format": lambda shared: format_scorer(shared.settings.forms),
    "tool-arguments": lambda _: tool_arguments(),
    "uncertainty": lambda _: uncertainty(),
    "prompt-length": lambda _: prompt_length(),
    "response-length": lambda _: response_length(),
}
BEHAVIOUR_SCORERS = tuple(_FACTORIES)


def behaviour_scorers(settings: BehaviourSettings, names: tuple[str, ...] = BEHAVIOUR_SCORERS) -> list[Scorer]:
    """Return scorers by their names, which share their models.

    Raises:
        KeyError: A name that is none of BEHAVIOUR_SCORERS.
    """
    shared = _Shared(settings)
    return [_FACTORIES[name](shared) for name in names]
