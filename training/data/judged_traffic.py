"""Questions to the warehouse about calls that write: what was judged, what else was compared, what nobody disputed."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from schemas.inference import Message, ToolDeclared
from schemas.topics import FEEDBACK_GIVEN, INFERENCE_REQUESTED, INFERENCE_RESPONDED
from services.clients.warehouse.client import Warehouse
from training.data.judgements import Answers, JudgedCall
from training.data.standing import SAID, judgements_in

_CALL = """
    r.request_id AS request_id,
    r.messages AS messages,
    r.output AS output,
    r.finish_reason AS finish_reason,
    r.error_type AS error_type,
    r.adapter_version AS adapter_version,
    r.variant AS variant,
    r.tools AS tools,
    r.response_schema AS response_schema,
    r.tags AS tags,
    r.occurred_at AS occurred_at,
    r.partition AS partition,
    r.offset AS offset,
    r.topic AS topic
"""
_COLUMNS = """
    request_id, messages, output, finish_reason, error_type, adapter_version, variant, tools, response_schema, tags,
    occurred_at, partition, offset, topic
"""
# The parts below are this module's own, so no value gets into a query but as a bound parameter.
# A shadow's answer was seen by nobody; of two answers under one id the later one is judged.
_ANSWERED = f"""
    SELECT *, '{INFERENCE_RESPONDED.name}' AS topic
    FROM responses FINAL
    WHERE app = {{app:String}} AND variant != 'shadow'
"""  # noqa: S608  # the catalogue's name
_SPAN = """
        AND occurred_at >= {since:DateTime64(3, 'UTC')}
        AND occurred_at < {until:DateTime64(3, 'UTC')}
    ORDER BY occurred_at DESC, offset DESC
    LIMIT 1 BY request_id
"""
# What was asked elsewhere and never answered here: a corrected one says what the answer should have been.
_ASKED = f"""
    SELECT *, 'null' AS output, '' AS finish_reason, '' AS error_type, '{INFERENCE_REQUESTED.name}' AS topic
    FROM requests FINAL
    WHERE app = {{app:String}}
        AND request_id NOT IN (SELECT request_id FROM responses WHERE app = {{app:String}})
"""  # noqa: S608  # the catalogue's name
_SPOKEN_OF = "AND request_id IN (SELECT request_id FROM feedback WHERE app = {app:String})"
_JUDGED = f"""
SELECT
    {_CALL},
    j.said AS said,
    j.superseded AS superseded,
    j.feedback_place AS feedback_place
FROM (
    SELECT {_COLUMNS} FROM ({_ANSWERED} {_SPOKEN_OF} {_SPAN})
    UNION ALL
    SELECT {_COLUMNS} FROM ({_ASKED} {_SPOKEN_OF} {_SPAN})
) AS r
INNER JOIN (
    SELECT
        request_id,
        {SAID} AS said,
        sum(superseded) AS superseded,
        max(feedback_place) AS feedback_place
    FROM judgements
    WHERE app = {{app:String}}
    GROUP BY request_id
) AS j ON r.request_id = j.request_id
ORDER BY cityHash64(r.request_id)
LIMIT {{limit:UInt64}}
"""  # noqa: S608  # the parts above
_COMPARED = f"""
SELECT {_CALL}
FROM (
    {_ANSWERED}
        AND request_id IN {{ids:Array(String)}}
    ORDER BY occurred_at DESC, offset DESC
    LIMIT 1 BY request_id
) AS r
"""  # noqa: S608  # the parts above
# Ids first: texts are read of those alone that are chosen.
_UNDISPUTED = f"""
SELECT {_CALL}
FROM (
    {_ANSWERED}
        AND output != 'null'
        AND request_id IN (
            SELECT request_id
            FROM responses
            WHERE app = {{app:String}}
                AND variant != 'shadow'
                AND error_type = ''
                AND occurred_at >= {{since:DateTime64(3, 'UTC')}}
                AND occurred_at < {{until:DateTime64(3, 'UTC')}}
                AND request_id NOT IN (SELECT request_id FROM feedback WHERE app = {{app:String}})
            GROUP BY request_id
            ORDER BY cityHash64(request_id)
            LIMIT {{limit:UInt64}}
        )
    {_SPAN}
) AS r
ORDER BY r.request_id
"""  # noqa: S608  # the parts above


def judged_calls(
    warehouse: Warehouse, app: str, *, since: datetime, until: datetime, limit: int
) -> Sequence[JudgedCall]:
    """Return calls of [since, until) that anything was said of, at most `limit`, chosen by a hash of their ids."""
    found = warehouse.query(_JUDGED, {"app": app, "since": since, "until": until, "limit": limit})
    return [_judged(app, row) for row in found]


def calls_by_id(warehouse: Warehouse, app: str, ids: Sequence[str]) -> Answers:
    """Return the calls of an app by their ids; those that are not stored are missing."""
    found = warehouse.query(_COMPARED, {"app": app, "ids": list(ids)}) if ids else []
    return {row["request_id"]: _call(row) for row in found}


def undisputed_calls(
    warehouse: Warehouse, app: str, *, since: datetime, until: datetime, limit: int
) -> Sequence[JudgedCall]:
    """Return calls of [since, until) that were answered and never judged, at most `limit`, chosen by a hash."""
    found = warehouse.query(_UNDISPUTED, {"app": app, "since": since, "until": until, "limit": limit})
    return [_call(row) for row in found]


def _judged(app: str, row: dict[str, Any]) -> JudgedCall:
    call = _call(row)
    offset, partition = row["feedback_place"]
    return msgspec.structs.replace(
        call,
        judgements=judgements_in(app, row["request_id"], row["said"]),
        superseded=row["superseded"],
        offsets={**call.offsets, f"{FEEDBACK_GIVEN.name}/{partition}": offset},
    )


def _call(row: dict[str, Any]) -> JudgedCall:
    return JudgedCall(
        request_id=row["request_id"],
        messages=msgspec.json.decode(row["messages"], type=tuple[Message, ...]),
        answer=msgspec.json.decode(row["output"], type=Message | None),
        finish_reason=row["finish_reason"],
        error_type=row["error_type"],
        adapter_version=row["adapter_version"],
        variant=row["variant"],
        tools=msgspec.json.decode(row["tools"] or "[]", type=tuple[ToolDeclared, ...]),
        response_schema=row["response_schema"],
        slice=str(json.loads(row["tags"]).get("slice", "")),
        occurred_at=row["occurred_at"],
        judgements=(),
        offsets={f"{row['topic']}/{row['partition']}": row["offset"]},
    )
