"""The scorers of an app that cost more than to see every call, and the cheap ones that tell which calls they see."""

import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from schemas.configuration import Configuration
from schemas.ids import derived_id
from schemas.inference import InferenceResponded
from schemas.metrics import UNSAFE
from schemas.observations import RecordedScore
from schemas.scoring import ScorerEntry
from schemas.topics import INFERENCE_RESPONDED
from services.parts.runtime.metrics import gauge
from services.scorers.catalogue import entries_for, load_all, process_of
from services.scorers.contract import Card, Scorer
from services.scorers.costly import GUARD, costly_entries, is_costly
from services.scorers.workshop import Workshop
from stream_processors.scoring.lanes import Terms
from stream_processors.scoring.panels import Panel, Seat

_SUSPECTS = "suspects"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Post:
    """A costly scorer of an app."""

    entry: ScorerEntry
    scorer: Scorer
    terms: Terms

    def suspects(self, scores: Iterable[RecordedScore]) -> bool:
        """Return whether cheap scores make a call suspicious to this scorer."""
        cascade = self.entry.cascade
        named = [score for score in scores if not cascade.suspects or score.name in cascade.suspects]
        if cascade.suspect_from is None:
            return any(score.label == UNSAFE for score in named)
        return any(score.value is not None and score.value >= cascade.suspect_from for score in named)


@dataclass(frozen=True, slots=True)
class Posts:
    """The costly scorers of an app.

    Attributes:
        suspecting: Cheap scorers whose word makes a call suspicious.
    """

    posts: tuple[Post, ...]
    suspecting: tuple[Seat, ...] = ()

    @classmethod
    def of(cls, app: str, configuration: Configuration, workshop: Workshop) -> "Posts":
        """Load an app's; what can't be had is logged, counted and left out."""
        entries = configuration.scorers
        loaded, lacking = load_all(costly_entries(entries, app, workshop), workshop)
        for error in lacking:
            log.error("scorer left out: %s", error)
        gauge("driftloop_scorers_unavailable").labels(GUARD).inc(len(lacking))
        posts = tuple(Post(entry, scorer, _terms(entry)) for entry, scorer in loaded)
        if not posts:
            return cls(())
        named = {name for post in posts for name in post.entry.cascade.suspects}
        cheap = [e for e in entries_for(entries, app) if process_of(e) == "safety" and not is_costly(e, workshop)]
        found, _ = load_all(cheap, workshop)  # what can't be had is safety's to tell
        return cls(posts, tuple(Seat(scorer) for _, scorer in found if _may_suspect(scorer.card, named)))

    def suspicions(self, responses: Sequence[InferenceResponded]) -> dict[str, tuple[RecordedScore, ...]]:
        """Return what cheap scorers say of calls, by event id."""
        said = {message.event_id: message.scores for message in Panel(_SUSPECTS, self.suspecting).score(responses)}
        ids = {r.event_id: derived_id(r.event_id, "scores", _SUSPECTS) for r in responses}
        return {call: said.get(id_, ()) for call, id_ in ids.items()}


def _terms(entry: ScorerEntry) -> Terms:
    price = entry.endpoint.usd_per_call if entry.endpoint else 0.0
    return Terms.of(entry.cascade, sample=entry.sample, usd_a_call=price, partitions=INFERENCE_RESPONDED.partitions)


def _may_suspect(card: Card, named: Collection[str]) -> bool:
    return any(measure.name in named or (not named and UNSAFE in measure.labels) for measure in card.measures)
