"""The score of a response as an event: safety and quality emit these."""

from schemas.ids import derived_id
from schemas.inference import InferenceResponded
from schemas.observations import ScoreRecorded


def score_of(response: InferenceResponded, name: str, value: float, *, scorer: str, label: str = "") -> ScoreRecorded:
    """Return a score with the response's time and series, and an id derived from response, name and scorer."""
    return ScoreRecorded(
        event_id=derived_id(response.event_id, name, scorer),
        occurred_at=response.occurred_at,
        app=response.app,
        model=response.model,
        adapter_version=response.adapter_version,
        variant=response.variant,
        tenant=response.tenant,
        request_id=response.request_id,
        name=name,
        value=value,
        label=label,
        scorer=scorer,
    )
