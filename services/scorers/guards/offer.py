"""From an entry with a `guard` to its scorer: described without its weights, loaded where it runs."""

import msgspec

from schemas.guards import GuardSettings
from services.scorers.contract import Card, Scorer
from services.scorers.guards.asking import GuardUnavailable
from services.scorers.guards.factory import family_named, guard_lacks, guard_scorer
from services.scorers.guards.guard import card_of
from services.scorers.offers import Offer, ScorerUnavailable, Wanted

UNLOADED = "when-loaded"


def guard_offer(wanted: Wanted) -> Offer:
    """Return the guard of an entry as an offer; its card has no version before the weights are read."""
    entry, environment = wanted.entry, wanted.workshop.environment
    assert entry.guard is not None, "the catalogue asks for guards alone"
    settings = _settings(entry.guard, wanted)

    def load() -> Scorer:
        try:
            return guard_scorer(entry.name, settings, environment)
        except GuardUnavailable as error:
            raise ScorerUnavailable(f"{entry.name}: {error}") from error

    return Offer(_card(entry.name, settings), load, guard_lacks(settings, environment), remark=settings.model)


def _settings(given: GuardSettings, wanted: Wanted) -> GuardSettings:
    """Return settings with the entry's threshold, and folders relative to the configuration's."""
    changed: dict[str, object] = {}
    for key in ("checkpoint", "base"):
        folder = wanted.relative(getattr(given, key))
        if getattr(given, key) and folder.is_dir():
            changed[key] = str(folder)
    if wanted.entry.threshold is not None:
        changed["threshold"] = wanted.entry.threshold
    return msgspec.structs.replace(given, **changed)


def _card(name: str, settings: GuardSettings) -> Card:
    family = family_named(settings.model)
    return card_of(
        name, settings, UNLOADED, "model" if settings.endpoint is None else "remote", family.source, family.blind_spots
    )
