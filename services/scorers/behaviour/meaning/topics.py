"""How far prompts lie from what the answering version was trained on: the score prompt.distance."""

from collections import defaultdict
from collections.abc import Callable, Sequence

from schemas.reference import Reference
from services.scorers.behaviour.meaning.vectors import Remembered
from services.scorers.behaviour.rows import EMPTY_PROMPT, Row, judged
from services.scorers.contract import Card, Measure, Subject, unjudged
from services.scorers.distance import distances
from services.scorers.embedding import NAME

References = Callable[[str, str], Reference | None]
"""The reference of an app's version; None where it was published without one."""
DISTANCE = Measure(name="prompt.distance", unit="distance", direction="higher is worse", high=2.0)


class TopicDistance:
    """Cosine distance of a prompt to the nearest centroid of its version's reference prompts."""

    card = Card(
        name="topic-distance",
        version=f"{NAME}.1",
        side="prompt",
        measures=(DISTANCE,),
        cost="cheap",
        source="WordLlama embeddings (Miller 2024), k-means centroids of the version's training prompts.",
        blind_spots="New words on an old topic look far, a new intent in old words looks near. The base model and "
        "versions without a reference have no distance.",
    )

    def __init__(self, vectors: Remembered, references: References) -> None:
        self._vectors, self._references = vectors, references

    def score(self, subjects: Sequence[Subject]) -> list[Row]:
        """Return a row for each subject."""
        by_version: dict[tuple[str, str], list[int]] = defaultdict(list)
        for at, subject in enumerate(subjects):
            by_version[subject.app, subject.adapter_version].append(at)
        rows: list[Row] = [()] * len(subjects)
        for (app, version), places in by_version.items():
            group = [subjects[at] for at in places]
            for at, row in zip(places, self._of_version(group, self._references(app, version)), strict=True):
                rows[at] = row
        return rows

    def _of_version(self, subjects: Sequence[Subject], reference: Reference | None) -> list[Row]:
        if reference is None:
            return [unjudged(self.card, "the version has no reference")] * len(subjects)
        if reference.embedding != NAME:
            return [unjudged(self.card, "the reference is of another embedding")] * len(subjects)
        far = distances(self._vectors.of([subject.prompt for subject in subjects]), reference)
        return [
            (judged(DISTANCE, float(value)),) if subject.prompt else unjudged(self.card, EMPTY_PROMPT)
            for subject, value in zip(subjects, far, strict=True)
        ]
