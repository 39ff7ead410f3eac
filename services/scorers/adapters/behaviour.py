"""The scorers of quality and behaviour as offers of the catalogue; what several of them need is loaded once."""

from services.scorers.adapters.embedder import embedder_of
from services.scorers.behaviour.catalogue import BEHAVIOUR_CARDS, Behaviours, BehaviourSettings, forms_of
from services.scorers.contract import Scorer
from services.scorers.offers import Offer, Wanted
from services.scorers.workshop import Workshop


def behaviour_offer(name: str, wanted: Wanted) -> Offer:
    """Return a scorer of behaviour as an offer."""

    def load() -> Scorer:
        shared = wanted.workshop.once("behaviours", lambda: _behaviours(wanted.workshop))
        return shared.scorer(name, wanted.entry.threshold)

    return Offer(BEHAVIOUR_CARDS[name], load)


def _behaviours(workshop: Workshop) -> Behaviours:
    return Behaviours(BehaviourSettings(forms=forms_of(workshop.apps), embedder=embedder_of(workshop)))
