"""inference.responded.v1 → scores.recorded.v1: how far is a prompt from what the answering version learnt?

Stable and canary answers only. The base model and versions published without a reference have nothing
to be compared with: no score, counted. Stateless: a response read twice makes the same scores.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from schemas.inference import InferenceResponded
from schemas.observations import ScoreRecorded
from schemas.record import Record, Variant
from schemas.reference import Reference
from schemas.topics import INFERENCE_RESPONDED
from services.clients.registry.artifacts import ArtifactStore
from services.parts.runtime.metrics import counter
from services.scorers.distance import distances
from services.scorers.embedding import NAME, Embedder
from stream_processors.frame.application import Processor
from stream_processors.frame.delivery import Delivery
from stream_processors.scoring.scores import score_of

BATCH = 128
SCORE = "prompt.distance"
SCORER = f"{NAME}@1"

References = Callable[[str, str], Reference | None]


def build_quality(processor: Processor) -> None:
    """Wire the processor."""
    embedder = Embedder.load()
    references = ArtifactStore(processor.settings.artifacts).reference
    unreferenced = counter("driftloop_quality_unreferenced_total")

    async def score(deliveries: Sequence[Delivery]) -> Iterable[Record]:
        responses = [d.record for d in deliveries if isinstance(d.record, InferenceResponded)]
        scorable = [r for r in responses if r.variant is not Variant.SHADOW and r.prompt]
        scores = await asyncio.to_thread(score_quality, scorable, embedder, references)
        unreferenced.inc(len(scorable) - len(scores))
        return scores

    processor.consume(INFERENCE_RESPONDED, handle=score, batch=BATCH)


def score_quality(
    responses: Sequence[InferenceResponded], embedder: Embedder, references: References
) -> list[ScoreRecorded]:
    """Return prompt.distance of the responses whose version has a reference."""
    by_version: dict[tuple[str, str], list[InferenceResponded]] = defaultdict(list)
    for response in responses:
        by_version[response.app, response.adapter_version].append(response)
    scores: list[ScoreRecorded] = []
    for (app, version), group in by_version.items():
        reference = references(app, version)
        if reference is not None and reference.embedding == NAME:
            values = distances(embedder.embed([response.prompt for response in group]), reference)
            scores.extend(
                score_of(response, SCORE, float(value), scorer=SCORER)
                for response, value in zip(group, values, strict=True)
            )
    return scores
