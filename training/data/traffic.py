"""Questions to the warehouse: what was labelled, what an alert was about, what is served. One query each."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from schemas.feedback import FeedbackGiven
from schemas.inference import Message
from schemas.topics import FEEDBACK_GIVEN, INFERENCE_REQUESTED
from services.clients.warehouse.client import Warehouse
from training.data.dataset import LabelledRow

_LABELLED = """
SELECT
    r.request_id AS request_id,
    any(r.messages) AS messages,
    arraySort(groupUniqArray(assumeNotNull(j.label))) AS labels,
    any(JSONExtractString(r.tags, 'slice')) AS slice,
    any(r.occurred_at) AS occurred_at,
    any(r.partition) AS request_partition,
    any(r.offset) AS request_offset,
    max(j.feedback_place) AS feedback_place,
    groupArray((j.source, j.user_id, j.label, arrayFirst(one -> one.1 = 'label', j.standing).2)) AS said
FROM (SELECT * FROM requests FINAL) AS r
INNER JOIN (SELECT * FROM judgements WHERE app = {app:String}) AS j ON r.request_id = j.request_id
WHERE r.app = {app:String}
    AND r.occurred_at >= {since:DateTime64(3, 'UTC')}
    AND r.occurred_at < {until:DateTime64(3, 'UTC')}
    AND j.label != ''
GROUP BY r.request_id
ORDER BY cityHash64(r.request_id)
LIMIT {limit:UInt64}
"""
_BREACHED = """
SELECT breached_at
FROM alerts FINAL
WHERE app = {app:String} AND alert_id = {alert:String}
LIMIT 1
"""
_SERVED = """
SELECT routes
FROM rollouts FINAL
WHERE app = {app:String}
ORDER BY sequence DESC
LIMIT 1
"""


def labelled_rows(
    warehouse: Warehouse, app: str, *, since: datetime, until: datetime, limit: int
) -> Sequence[LabelledRow]:
    """Return requests of [since, until) that have labels that stand, at most `limit`, chosen by a hash of their ids."""
    found = warehouse.query(_LABELLED, {"app": app, "since": since, "until": until, "limit": limit})
    return [_row(app, row) for row in found]


def breached_at(warehouse: Warehouse, app: str, alert_id: str) -> datetime | None:
    """Return the end of the first window in breach of an alert, None while the alert is not stored."""
    found = warehouse.query(_BREACHED, {"app": app, "alert": alert_id})
    return found[0]["breached_at"] if found else None


def served_version(warehouse: Warehouse, app: str) -> str:
    """Return the stable version by the app's last rollout change; empty while the base model answers."""
    found = warehouse.query(_SERVED, {"app": app})
    routes = json.loads(found[0]["routes"]) if found else []
    return next((route["adapter_version"] for route in routes if route["variant"] == "stable"), "")


def _row(app: str, row: dict[str, Any]) -> LabelledRow:
    feedback_offset, feedback_partition = row["feedback_place"]
    return LabelledRow(
        request_id=row["request_id"],
        messages=msgspec.json.decode(row["messages"], type=tuple[Message, ...]),
        labels=tuple(row["labels"]),
        slice=row["slice"],
        occurred_at=row["occurred_at"],
        offsets={
            f"{INFERENCE_REQUESTED.name}/{row['request_partition']}": row["request_offset"],
            f"{FEEDBACK_GIVEN.name}/{feedback_partition}": feedback_offset,
        },
        judgements=tuple(_judgement(app, row["request_id"], said) for said in row["said"]),
    )


def _judgement(app: str, request_id: str, said: tuple[Any, ...]) -> FeedbackGiven:
    source, user_id, label, (occurred_at, _, event_id, _) = said
    return FeedbackGiven(
        event_id=event_id,
        occurred_at=occurred_at,
        app=app,
        request_id=request_id,
        label=label,
        source=source,
        user_id=user_id,
    )
