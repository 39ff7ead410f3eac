"""The catalogue of tables: one a stored topic, columns derived from its record, rows from its messages.

A record is a row, but for the scores of a call, which are a row each (schemas.score_rows).

Every row carries where its message stood (topic_id, partition, offset), which is how the sink knows
what it has stored. Times are UTC milliseconds. Nested values are JSON text.
"""

import types
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from operator import attrgetter
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from schemas.observations import ScoresRecorded
from schemas.record import Record
from schemas.score_rows import StoredScore, stored_scores
from schemas.topics import STORED_TOPICS, Topic

TABLE_NAMES = {
    "inference.requested.v1": "requests",
    "inference.responded.v1": "responses",
    "feedback.given.v1": "feedback",
    "metrics.window-closed.v1": "metric_windows",
    "scores.recorded.v2": "scores",
    "scores.sampling-changed.v1": "sampling_changes",
    "drift.measured.v1": "drift_measurements",
    "alerts.changed.v1": "alerts",
    "alerts.delivered.v1": "alert_deliveries",
    "retraining.requested.v1": "retrainings",
    "training.changed.v1": "training_changes",
    "adapters.proposed.v1": "adapter_proposals",
    "adapters.trained.v1": "adapters",
    "rollouts.ordered.v1": "rollout_orders",
    "rollouts.changed.v1": "rollouts",
    "scorers.evaluated.v1": "scorer_evaluations",
    "scorers.changed.v1": "scorer_changes",
}
DEAD_LETTERS = "dead_letters"
POSITION_COLUMNS = ("topic_id", "partition", "offset")
PLACE_COLUMNS = (*POSITION_COLUMNS, "recorded_at")  # what a row has beside its record
_LOW_CARDINALITY = frozenset(
    {
        "adapter_version",
        "app",
        "error_type",
        "label",
        "method",
        "metric",
        "model",
        "monitor",
        "name",
        "scorer",
        "severity",
        "state",
        "tenant",
        "unjudged",
        "upstream_error_type",
        "variant",
    }
)

_JSON = msgspec.json.Encoder()

Value = str | bytes | int | float | bool | datetime | None


@dataclass(frozen=True, slots=True)
class Position:
    """Where a message stands. The topic's id is part of it: a re-created topic starts at 0 again."""

    topic_id: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Column:
    """A column and its ClickHouse type."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Table:
    """Where the records of one topic are stored."""

    name: str
    topic: Topic
    columns: tuple[Column, ...]

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names in the order of a row."""
        return tuple(column.name for column in self.columns)

    def rows(self, record: Record, position: Position, recorded_at: datetime) -> list[tuple[Value, ...]]:
        """Return the rows of a record read at `position` and stored at `recorded_at`; they share its month."""
        place = (position.topic_id, position.partition, position.offset, recorded_at)
        stored = stored_scores(record) if isinstance(record, ScoresRecorded) else (record,)
        return [(*_values(one), *place) for one in stored]


def _values(record: Record) -> list[Value]:
    fields_of, written = _writers(type(record))
    values = list(fields_of(record))
    for at, write in written:
        values[at] = write(values[at])
    return values


def _keep(value: Any) -> Value:
    return value  # type: ignore[no-any-return]  # the column's type was derived from the field's


def _as_text(value: Any) -> Value:
    return str(value)


def _as_text_if_any(value: Any) -> Value:
    return None if value is None else str(value)


def _as_json(value: Any) -> Value:
    return _JSON.encode(value).decode()


_SCALARS: dict[type, str] = {
    str: "String",
    int: "Int64",
    float: "Float64",
    bool: "Bool",
    datetime: "DateTime64(3, 'UTC')",
}


def _column_type(name: str, hint: Any) -> tuple[str, Callable[[Any], Value]]:
    """Return a field's ClickHouse type and the function that makes its value."""
    if get_origin(hint) is Annotated:
        return _column_type(name, get_args(hint)[0])
    # An annotated optional is a typing.Union, a plain one a types.UnionType.
    if get_origin(hint) in (types.UnionType, Union) and type(None) in get_args(hint):
        inner = next(part for part in get_args(hint) if part is not type(None))
        type_, write = _column_type("", inner)
        if write is _as_text:
            return "Nullable(String)", _as_text_if_any
        return (f"Nullable({type_})", write) if write is _keep else (type_, write)
    if get_origin(hint) is Literal or (isinstance(hint, type) and issubclass(hint, StrEnum)):
        return "LowCardinality(String)", _as_text
    if hint is str and name in _LOW_CARDINALITY:
        return "LowCardinality(String)", _keep
    return (_SCALARS[hint], _keep) if hint in _SCALARS else ("String", _as_json)


@cache
def _fields(record: type[Record]) -> tuple[tuple[str, str, Callable[[Any], Value]], ...]:
    hints = get_type_hints(record, include_extras=True)
    names = [field.name for field in msgspec.structs.fields(record)]
    return tuple((name, *_column_type(name, hints[name])) for name in names)


@cache
def _writers(
    record: type[Record],
) -> tuple[Callable[[Record], Iterable[Any]], list[tuple[int, Callable[[Any], Value]]]]:
    """Return what reads all fields of a record, and which of them are written otherwise than they are."""
    fields = _fields(record)
    written = [(at, write) for at, (_, _, write) in enumerate(fields) if write is not _keep]
    return attrgetter(*(name for name, _, _ in fields)), written


def _table(topic: Topic) -> Table:
    stored = StoredScore if topic.record is ScoresRecorded else topic.record
    columns = [Column(name, type_) for name, type_, _ in _fields(stored)]
    positions = [Column("topic_id", "LowCardinality(String)"), Column("partition", "Int32"), Column("offset", "Int64")]
    recorded = Column("recorded_at", "DateTime64(3, 'UTC')")
    return Table(TABLE_NAMES[topic.name], topic, (*columns, *positions, recorded))


TABLES = tuple(_table(topic) for topic in STORED_TOPICS)
TABLE_BY_TOPIC = {table.topic.name: table for table in TABLES}
TABLE_BY_NAME = {table.name: table for table in TABLES}
