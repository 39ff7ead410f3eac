"""Every scorer by name: what there is, what runs for an app, and how it is made. Nothing heavy is imported for a look.

A scorer of the product stands in CATALOGUE, one line each; those of a user's own come from `scorers:`.
"""

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from schemas.scoring import ScorerEntry, entries_of
from services.scorers.adapters.texts import TextSide
from services.scorers.contract import Scorer
from services.scorers.offers import Offer, ScorerUnavailable, Wanted
from services.scorers.readable import ReadableScorer, Readings
from services.scorers.workshop import Workshop

Process = Literal["safety", "quality", "guard"]


@dataclass(frozen=True, slots=True)
class Listing:
    """A scorer of the product.

    Attributes:
        process: Which process runs it.
        offer: Describes it, without loading it, and knows how to.
        standard: Whether it runs where no entry says otherwise.
    """

    name: str
    process: Process
    offer: Callable[[Wanted], Offer]
    standard: bool = True


def _head(kind: str, wanted: Wanted) -> Offer:
    from services.scorers.adapters import heads

    kinds = {"injection": heads.INJECTION, "prompt harm": heads.PROMPT_HARM, "answer harm": heads.ANSWER_HARM}
    return heads.head_offer(kinds[kind], wanted)


def _pii(side: TextSide, wanted: Wanted) -> Offer:
    from services.scorers.adapters.pii import pii_offer

    return pii_offer(side, wanted)


def _distance(wanted: Wanted) -> Offer:
    from services.scorers.adapters.distance import distance_offer

    return distance_offer(wanted)


def _behaviour(name: str, wanted: Wanted) -> Offer:
    from services.scorers.adapters.behaviour import behaviour_offer

    return behaviour_offer(name, wanted)


BEHAVIOURS = (
    "relevance",
    "coherence",
    "groundedness",
    "refusal",
    "prompt-sentiment",
    "response-sentiment",
    "prompt-toxicity",
    "response-toxicity",
    "prompt-language",
    "response-language",
    "language-mismatch",
    "readability",
    "repetition",
    "format",
    "tool-arguments",
    "uncertainty",
    "prompt-length",
    "response-length",
)
CATALOGUE: tuple[Listing, ...] = (
    Listing("injection-head", "safety", partial(_head, "injection")),
    Listing("harm-head", "safety", partial(_head, "prompt harm")),
    Listing("pii-patterns", "safety", partial(_pii, "prompt")),
    Listing("answer-harm-head", "safety", partial(_head, "answer harm")),
    Listing("answer-pii-patterns", "safety", partial(_pii, "response")),
    Listing("reference-distance", "quality", _distance),
    *(Listing(name, "quality", partial(_behaviour, name), standard=False) for name in BEHAVIOURS),
)
LISTING_BY_NAME = {listing.name: listing for listing in CATALOGUE}


class UnknownScorer(ValueError):
    """An entry names a scorer that there is not. The message is one line."""


def entries_for(entries: Iterable[ScorerEntry], app: str) -> list[ScorerEntry]:
    """Return an entry for each scorer that runs for an app: the standard ones and what the configuration adds.

    Raises:
        UnknownScorer: An entry is neither of the catalogue nor of a user's own.
    """
    held = {entry.name: entry for entry in entries_of(entries, app)}
    for entry in held.values():
        _must_be_known(entry)
    standard = [
        held.pop(listing.name, ScorerEntry(name=listing.name, enabled=listing.standard)) for listing in CATALOGUE
    ]
    return [entry for entry in (*standard, *held.values()) if entry.enabled]


def check_entries(entries: Iterable[ScorerEntry]) -> None:
    """Raise UnknownScorer if an entry is neither of the catalogue nor of a user's own."""
    for entry in entries:
        _must_be_known(entry)


def process_of(entry: ScorerEntry) -> Process:
    """Return the process that runs an entry's scorer."""
    if entry.name in LISTING_BY_NAME:
        return LISTING_BY_NAME[entry.name].process
    return "guard" if entry.endpoint is not None or entry.guard is not None else entry.process


def offer_of(entry: ScorerEntry, workshop: Workshop) -> Offer:
    """Return the scorer that an entry asks for, not loaded yet.

    Raises:
        ScorerUnavailable: A user's own can't be imported or reached for.
    """
    wanted = Wanted(entry, workshop)
    if entry.entry_point:
        from services.scorers.entry_points import entry_point_offer

        return entry_point_offer(wanted)
    if entry.guard is not None:
        from services.scorers.guards.offer import guard_offer

        return guard_offer(wanted)
    if entry.endpoint is not None:
        from services.scorers.remote.endpoints import endpoint_offer

        return endpoint_offer(wanted)
    return LISTING_BY_NAME[entry.name].offer(wanted)


def load(entry: ScorerEntry, workshop: Workshop) -> Scorer:
    """Return the scorer that an entry asks for; it takes any text.

    Raises:
        ScorerUnavailable: It can't be had; the message is one line.
    """
    offer = offer_of(entry, workshop)
    if offer.missing:
        raise ScorerUnavailable(f"{entry.name}: {offer.missing}")
    return ReadableScorer(offer.load(), workshop.once("readings", Readings))


def load_all(
    entries: Iterable[ScorerEntry], workshop: Workshop
) -> tuple[list[tuple[ScorerEntry, Scorer]], list[ScorerUnavailable]]:
    """Return the scorers that can be had, each with its entry, and what is to be said of the others.

    Of two that give scores of one name the second is left out: readers could not tell them apart.
    """
    loaded: list[tuple[ScorerEntry, Scorer]] = []
    lacking: list[ScorerUnavailable] = []
    owners: dict[str, str] = {}
    for entry in entries:
        try:
            scorer = load(entry, workshop)
        except ScorerUnavailable as error:
            lacking.append(error)
            continue
        names = [measure.name for measure in scorer.card.measures]
        shared = next((name for name in names if name in owners), None)
        if shared is not None:
            lacking.append(ScorerUnavailable(f"{entry.name}: {shared} is a score of {owners[shared]} already"))
            continue
        owners |= dict.fromkeys(names, entry.name)
        loaded.append((entry, scorer))
    return loaded, lacking


def _must_be_known(entry: ScorerEntry) -> None:
    if entry.own and entry.name in LISTING_BY_NAME:
        raise UnknownScorer(f"scorers: {entry.name!r} is a scorer of the product; give your own another name")
    if not entry.own and entry.name not in LISTING_BY_NAME:
        near = difflib.get_close_matches(entry.name, list(LISTING_BY_NAME), n=1, cutoff=0.0)
        raise UnknownScorer(f"scorers: unknown {entry.name!r}; did you mean {near[0]!r}?")
