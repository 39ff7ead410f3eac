"""Distance as a scorer: how far is a prompt from what the answering version learnt?"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from services.scorers.adapters.embedder import embedder_of
from services.scorers.contract import Card, Measure, Score, Scorer, Subject, unjudged
from services.scorers.distance import distances
from services.scorers.embedding import NAME, Embedder, Vectors
from services.scorers.offers import Offer, Wanted
from services.scorers.workshop import References

MEASURE = "prompt.distance"
UNREFERENCED = "no reference"

CARD = Card(
    name="reference-distance",
    version=f"1-{NAME}",
    side="prompt",
    measures=(Measure(name=MEASURE, unit="distance", direction="higher is worse", high=2.0),),
    cost="cheap",
    source="cosine distance to the nearest of the k-means centres of a version's training prompts "
    "(services/scorers/reference.py)",
    blind_spots="Only versions that were trained here have a reference; it sees topics, not intentions, and no text "
    "past 8,000 characters.",
)


class DistanceScorer:
    """Distance of prompts to the reference of the version that answered them."""

    card = CARD

    def __init__(self, embedder: Embedder, references: References) -> None:
        self._embedder = embedder
        self._references = references

    def score(self, subjects: Sequence[Subject]) -> list[tuple[Score, ...]]:
        """Return each prompt's distance; versions without a reference have nothing to be compared with."""
        present = [at for at, subject in enumerate(subjects) if subject.prompt.strip()]
        embedded = self._embedder.embed([subjects[at].prompt for at in present])
        rows = [unjudged(CARD, "no prompt")] * len(subjects)
        by_version: dict[tuple[str, str], list[int]] = defaultdict(list)
        for place, at in enumerate(present):
            by_version[subjects[at].app, subjects[at].adapter_version].append(place)
        for version, places in by_version.items():
            for place, row in zip(places, self._against(version, embedded[np.array(places)]), strict=True):
                rows[present[place]] = row
        return rows

    def _against(self, version: tuple[str, str], embedded: Vectors) -> list[tuple[Score, ...]]:
        reference = self._references(*version)
        if reference is None or reference.embedding != NAME:
            return [unjudged(CARD, UNREFERENCED)] * len(embedded)
        return [(Score(MEASURE, float(value)),) for value in distances(embedded, reference)]


def distance_offer(wanted: Wanted) -> Offer:
    """Return the scorer as an offer."""

    def load() -> Scorer:
        embedder = embedder_of(wanted.workshop)
        return DistanceScorer(embedder, wanted.workshop.references)

    return Offer(CARD, load, remark="compares with versions that have a reference")
