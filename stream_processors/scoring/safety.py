"""inference.responded.v1 → scores.recorded.v1: is a prompt an attack, does it ask for harm, is anything private?

Prompts are scored where they were answered to a user (stable, canary); answers of every variant, so
that a shadow shows what it would have said. Stateless: a response read twice makes the same scores
with the same ids.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from schemas.inference import InferenceResponded
from schemas.observations import ScoreRecorded
from schemas.record import Record, Variant
from schemas.topics import INFERENCE_RESPONDED
from services.scorers.heads import Head
from services.scorers.pii import SCORER, count_entities
from services.scorers.prompts import PromptScorers
from stream_processors.frame.application import Processor
from stream_processors.frame.delivery import Delivery
from stream_processors.scoring.scores import score_of

BATCH = 64


@dataclass(frozen=True, slots=True)
class Judged:
    """A score before it belongs to a response."""

    name: str
    value: float
    scorer: str
    label: str = ""


def build_safety(processor: Processor) -> None:
    """Wire the processor."""
    scorers = PromptScorers.load(processor.settings.data)

    async def score(deliveries: Sequence[Delivery]) -> Iterable[Record]:
        responses = [d.record for d in deliveries if isinstance(d.record, InferenceResponded)]
        # In a thread: scoring a batch takes longer than the broker's client may be kept from its heartbeats.
        return await asyncio.to_thread(score_safety, responses, scorers)

    processor.consume(INFERENCE_RESPONDED, handle=score, batch=BATCH)


def score_safety(responses: Sequence[InferenceResponded], scorers: PromptScorers) -> list[ScoreRecorded]:
    """Return the scores of responses. An empty text has none."""
    prompts = _judge_prompts({r.prompt for r in responses if r.variant is not Variant.SHADOW}, scorers)
    answers = _judge_answers({r.answer for r in responses}, scorers)
    return [
        score_of(response, judged.name, judged.value, scorer=judged.scorer, label=judged.label)
        for response in responses
        for judged in (
            *(() if response.variant is Variant.SHADOW else prompts.get(response.prompt, ())),
            *answers.get(response.answer, ()),
        )
    ]


def _judge_prompts(texts: Iterable[str], scorers: PromptScorers) -> dict[str, tuple[Judged, ...]]:
    """Return the scores of each distinct prompt."""
    distinct = sorted(text for text in texts if text)
    _, values = scorers.score(distinct)
    injection = _by_head("prompt.injection", scorers.injection, values["prompt.injection"])
    harm = _by_head("prompt.harm", scorers.harm, values["prompt.harm"])
    pii = (Judged("prompt.pii", count_entities(text), SCORER) for text in distinct)
    return dict(zip(distinct, zip(injection, harm, pii, strict=True), strict=True))


def _judge_answers(texts: Iterable[str], scorers: PromptScorers) -> dict[str, tuple[Judged, ...]]:
    """Return the scores of each distinct answer."""
    distinct = sorted(text for text in texts if text)
    harm = _by_head("response.harm", scorers.harm, scorers.harm.score(distinct))
    pii = (Judged("response.pii", count_entities(text), SCORER) for text in distinct)
    return dict(zip(distinct, zip(harm, pii, strict=True), strict=True))


def _by_head(name: str, head: Head, probabilities: Iterable[float]) -> Iterator[Judged]:
    for probability in probabilities:
        value = float(probability)
        yield Judged(name, value, head.version, "unsafe" if value >= head.threshold else "safe")
