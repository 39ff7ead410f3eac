"""From the message of a call's scores to what readers of the table `scores` see: a row a score."""

from schemas.ids import derived_id
from schemas.observations import ScoresRecorded
from schemas.record import Identifier, Name, Record


class StoredScore(Record, frozen=True, kw_only=True):
    """A schemas.observations.RecordedScore with the call that it is of."""

    request_id: Identifier
    name: Name
    value: float | None
    label: Name
    categories: tuple[Name, ...]
    unjudged: Name
    scorer: Name
    latency_ms: float
    sampling_probability: float


def stored_scores(record: ScoresRecorded) -> list[StoredScore]:
    """Return a row for each score; its id derives from message, name and scorer, so that twice read is one row."""
    return [
        StoredScore(
            event_id=derived_id(record.event_id, score.name, score.scorer),
            occurred_at=record.occurred_at,
            app=record.app,
            model=record.model,
            adapter_version=record.adapter_version,
            variant=record.variant,
            tenant=record.tenant,
            request_id=record.request_id,
            name=score.name,
            value=score.value,
            label=score.label,
            categories=score.categories,
            unjudged=score.unjudged,
            scorer=score.scorer,
            latency_ms=score.latency_ms,
            sampling_probability=score.sampling_probability,
        )
        for score in record.scores
    ]
