"""The scorers of this room by name, and all of them with what they share loaded once."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import msgspec

from schemas.configuration import App
from services.scorers.behaviour.language import scorers as languages
from services.scorers.behaviour.language.identifier import Identifier
from services.scorers.behaviour.meaning.groundedness import Groundedness
from services.scorers.behaviour.meaning.similarity import Coherence, Relevance
from services.scorers.behaviour.shape import forms, lengths, readability, repetition, uncertainty
from services.scorers.behaviour.shape.forms import Form
from services.scorers.behaviour.tone import refusal, sentiment, toxicity
from services.scorers.behaviour.tone.toxicity import Profanity, Toxicity
from services.scorers.contract import Card, Scorer
from services.scorers.embedding import Embedder
from services.scorers.remembered import RememberedEmbedder


@dataclass(frozen=True, slots=True, kw_only=True)
class BehaviourSettings:
    """What the scorers of a deployment are told.

    Attributes:
        forms: What each app's answers should look like.
        embedder: Shared with other rooms; loaded when there is none.
    """

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


class Behaviours:
    """Makes scorers of a deployment; what several of them need is loaded when the first of them asks."""

    def __init__(self, settings: BehaviourSettings) -> None:
        self.settings = settings

    def scorer(self, name: str, threshold: float | None = None) -> Scorer:
        """Return a scorer.

        Args:
            name: One of BEHAVIOUR_CARDS.
            threshold: In the place of the scorer's own; those without one pass it over.

        Raises:
            KeyError: There is none of this name.
        """
        return _LISTINGS[name].make(self, threshold)

    @cached_property
    def embedder(self) -> Embedder:
        """Of texts."""
        return self.settings.embedder or RememberedEmbedder.load()

    @cached_property
    def identifier(self) -> Identifier:
        """Of languages."""
        return Identifier()

    @cached_property
    def profanity(self) -> Profanity:
        """The model of toxicity."""
        return Profanity()


class _Listing(NamedTuple):
    card: Card
    make: Callable[[Behaviours, float | None], Scorer]


_LISTED = (
    _Listing(Relevance.card, lambda shared, _: Relevance(shared.embedder)),
    _Listing(Coherence.card, lambda shared, _: Coherence(shared.embedder)),
    _Listing(Groundedness.card, lambda shared, least: Groundedness(shared.embedder, threshold=least)),
    _Listing(refusal.CARD, lambda _, least: refusal.refusal(least)),
    _Listing(sentiment.PROMPT_CARD, lambda shared, _: sentiment.prompt_sentiment(shared.identifier)),
    _Listing(sentiment.ANSWER_CARD, lambda shared, _: sentiment.response_sentiment(shared.identifier)),
    _Listing(
        toxicity.PROMPT_CARD,
        lambda shared, least: Toxicity("prompt", shared.profanity, shared.identifier, threshold=least),
    ),
    _Listing(
        toxicity.ANSWER_CARD,
        lambda shared, least: Toxicity("response", shared.profanity, shared.identifier, threshold=least),
    ),
    _Listing(languages.PROMPT_CARD, lambda shared, _: languages.prompt_language(shared.identifier)),
    _Listing(languages.ANSWER_CARD, lambda shared, _: languages.response_language(shared.identifier)),
    _Listing(languages.MISMATCH_CARD, lambda shared, _: languages.language_mismatch(shared.identifier)),
    _Listing(readability.CARD, lambda *_: readability.readability()),
    _Listing(repetition.CARD, lambda _, least: repetition.repetition(least)),
    _Listing(forms.FORMAT_CARD, lambda shared, _: forms.format_scorer(shared.settings.forms)),
    _Listing(forms.ARGUMENTS_CARD, lambda *_: forms.tool_arguments()),
    _Listing(uncertainty.CARD, lambda *_: uncertainty.uncertainty()),
    _Listing(lengths.PROMPT_CARD, lambda *_: lengths.prompt_length()),
    _Listing(lengths.ANSWER_CARD, lambda *_: lengths.response_length()),
)
_LISTINGS = {listing.card.name: listing for listing in _LISTED}
BEHAVIOUR_CARDS = {name: listing.card for name, listing in _LISTINGS.items()}
BEHAVIOUR_SCORERS = tuple(BEHAVIOUR_CARDS)


def behaviour_scorers(settings: BehaviourSettings, names: tuple[str, ...] = BEHAVIOUR_SCORERS) -> list[Scorer]:
    """Return scorers by their names, which share their models.

    Raises:
        KeyError: A name that is none of BEHAVIOUR_SCORERS.
    """
    shared = Behaviours(settings)
    return [shared.scorer(name) for name in names]
