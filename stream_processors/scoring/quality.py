"""inference.responded.v1 → scores.recorded.v2: how good is a call, and how far from what the version learnt?

Stateless: a response read twice makes the same message with the same id. Which scorers run is
configuration (schemas.scoring) over services.scorers.catalogue.
"""

import asyncio
from collections.abc import Iterable, Sequence

from schemas.inference import InferenceResponded
from schemas.record import Record
from schemas.topics import INFERENCE_RESPONDED
from stream_processors.frame.application import Processor
from stream_processors.frame.delivery import Delivery
from stream_processors.scoring.panels import Panels

BATCH = 128


def build_quality(processor: Processor) -> None:
    """Wire the processor."""
    panels = Panels("quality", processor.settings, processor.configuration)

    async def score(deliveries: Sequence[Delivery]) -> Iterable[Record]:
        responses = [d.record for d in deliveries if isinstance(d.record, InferenceResponded)]
        return await asyncio.to_thread(panels.score, responses)

    processor.consume(INFERENCE_RESPONDED, handle=score, batch=BATCH)
