"""Which scorers cost more than to see every call: they are the guard processor's."""

from collections.abc import Iterable

from schemas.configuration import Configuration
from schemas.scoring import ScorerEntry
from schemas.settings import Settings
from services.scorers.catalogue import LISTING_BY_NAME, check_entries, entries_for, offer_of, process_of
from services.scorers.offers import ScorerUnavailable
from services.scorers.workshop import Workshop

GUARD = "guard"


def is_costly(entry: ScorerEntry, workshop: Workshop) -> bool:
    """Return whether a scorer sees a sample: an endpoint, an entry point that says so, one of the product by its cost.

    An entry point is not asked: it may load its model to describe itself.
    """
    if entry.own or process_of(entry) == GUARD:
        return process_of(entry) == GUARD
    if LISTING_BY_NAME[entry.name].standard:
        return False  # what runs by itself sees every call
    try:
        return offer_of(entry, workshop).card.cost != "cheap"
    except ScorerUnavailable:
        return False


def costly_entries(entries: Iterable[ScorerEntry], app: str, workshop: Workshop) -> tuple[ScorerEntry, ...]:
    """Return the entries of an app whose scorers see a sample of the calls."""
    return tuple(entry for entry in entries_for(entries, app) if is_costly(entry, workshop))


def any_costly(configuration: Configuration, settings: Settings) -> bool:
    """Return whether there is anything for a guard processor to do; no scorer that runs by itself is costly.

    Raises:
        UnknownScorer: An entry is neither of the catalogue nor of a user's own.
    """
    check_entries(configuration.scorers)
    enabled = [entry for entry in configuration.scorers if entry.enabled]
    if not enabled:
        return False
    workshop = Workshop.of(settings)
    return any(is_costly(entry, workshop) for entry in enabled)
