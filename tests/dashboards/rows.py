"""Records as the rows that the warehouse would return for them."""

from collections.abc import Iterable
from itertools import count
from typing import Any

from dashboards.rows import Row, Rows
from schemas.record import Record
from schemas.tables import TABLE_BY_TOPIC, Position
from schemas.topics import topic_of

_FIELDS = {
    "alerts": "alerts",
    "alert_deliveries": "deliveries",
    "retrainings": "retrainings",
    "training_changes": "training_changes",
    "adapter_proposals": "proposals",
    "adapters": "adapters",
    "rollout_orders": "orders",
    "rollouts": "rollouts",
    "drift_measurements": "drifts",
}


def row_of(record: Record, offset: int = 0) -> Row:
    """Return the row of a record that has one, by column name."""
    table = TABLE_BY_TOPIC[topic_of(record).name]
    (row,) = table.rows(record, Position("id", 0, offset), record.occurred_at)
    return dict(zip((column.name for column in table.columns), row, strict=True))


def rows_of(records: Iterable[Record]) -> Rows:
    """Return what the Loop page would read of records."""
    offsets = count()
    found: dict[str, list[Row]] = {field: [] for field in _FIELDS.values()}
    for record in sorted(records, key=lambda r: r.occurred_at):
        row: dict[str, Any] = dict(row_of(record, next(offsets)))
        field = _FIELDS.get(TABLE_BY_TOPIC[topic_of(record).name].name)
        if field is not None and row.get("drifted", True):
            found[field].append(row)
    return Rows(**{field: tuple(rows) for field, rows in found.items()})
