"""Held-out sets of earlier versions, read again: a manifest keeps ids and no text, the warehouse has the texts.

Held out is for ever, by hash, so no later version has learnt from them.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence

import msgspec

from schemas.inference import Message, ToolDeclared
from services.clients.warehouse.client import Warehouse
from training.data.dataset import Example, Manifest, ManifestRow

_VERSIONS = """
SELECT adapter_version
FROM adapters FINAL
WHERE app = {app:String} AND adapter_version != {but:String}
ORDER BY occurred_at DESC
LIMIT {limit:UInt64}
"""
_TEXTS = """
SELECT
    r.request_id AS request_id,
    r.messages AS messages,
    r.tools AS tools,
    r.response_schema AS response_schema,
    j.latest AS correction
FROM (SELECT * FROM requests FINAL WHERE app = {app:String} AND request_id IN {ids:Array(String)}) AS r
LEFT JOIN (
    SELECT request_id, argMax(correction, arrayFirst(one -> one.1 = 'correction', standing).2) AS latest
    FROM judgements
    WHERE app = {app:String} AND request_id IN {ids:Array(String)} AND correction != 'null'
    GROUP BY request_id
) AS j ON r.request_id = j.request_id
"""

Mask = Callable[[str], tuple[str, int]]


def earlier_versions(warehouse: Warehouse, app: str, *, but: str, limit: int) -> list[str]:
    """Return the app's versions but one, newest first."""
    found = warehouse.query(_VERSIONS, {"app": app, "but": but, "limit": limit})
    return [row["adapter_version"] for row in found]


def drawn(manifest: Manifest, limit: int) -> list[ManifestRow]:
    """Return at most `limit` held-out rows of a manifest: always the same, by the hash of their ids."""
    held = [row for row in manifest.rows if row.split == "holdout"]
    return sorted(held, key=lambda row: hashlib.sha256(row.request_id.encode()).digest())[:limit]


def read_again(warehouse: Warehouse, app: str, rows: Sequence[ManifestRow], mask: Mask) -> list[Example]:
    """Return the rows that are still to be had as examples, without personal data.

    A row without a label needs a correction that still stands; a wanted answer that nobody corrected is not read.
    """
    if not rows:
        return []
    found = warehouse.query(_TEXTS, {"app": app, "ids": [row.request_id for row in rows]})
    texts = {text["request_id"]: text for text in found}
    made = (_example(row, texts[row.request_id], mask) for row in rows if row.request_id in texts)
    return [example for example in made if example is not None]


def _example(row: ManifestRow, text: Mapping[str, str], mask: Mask) -> Example | None:
    answer = msgspec.json.decode(text["correction"] or "null", type=Message | None)
    if not row.label and answer is None:
        return None
    messages = [_masked(m, mask) for m in msgspec.json.decode(text["messages"], type=tuple[Message, ...])]
    return Example(
        request_id=row.request_id,
        messages=tuple(messages),
        prompt=next((m.text for m in reversed(messages) if m.role == "user"), ""),
        label=row.label,
        slice=row.slice,
        recent=row.recent,
        split="holdout",
        kind="label" if row.label else "target",
        answer=None if row.label or answer is None else _masked(answer, mask),
        tools=msgspec.json.decode(text["tools"] or "[]", type=tuple[ToolDeclared, ...]),
        response_schema=text["response_schema"],
    )


def _masked(message: Message, mask: Mask) -> Message:
    return msgspec.structs.replace(message, content=mask(message.text)[0])
