"""From message to row of its table, or the reason why not. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

from schemas.codec import BadRecord
from schemas.tables import DEAD_LETTERS, TABLE_BY_TOPIC, Value
from schemas.topics import DEAD_LETTER_SUFFIX
from services.bus.decoding import decoded
from services.bus.message import Message
from services.sink.dead_letters import DEAD_LETTER_COLUMNS, dead_letter_row

_INT64 = range(-(2**63), 2**63)
_EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
_LATEST = datetime(2299, 12, 31, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Row:
    """A row on its way into a table.

    Attributes:
        source: Topic id and partition of the message it came from.
        month: The table's partition it falls in, e.g. 202601.
    """

    table: str
    source: tuple[str, int]
    month: int
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Poison:
    """A message that can't be stored, with the reason."""

    message: Message
    reason: str


def judged(message: Message, recorded_at: datetime) -> list[Row | Poison]:
    """Return what becomes of a message: one verdict for each event in it."""
    try:
        return [_row(message, recorded_at)]
    except BadRecord as error:
        return [Poison(message, error.reason)]


@cache
def columns_of(table: str) -> tuple[str, ...]:
    """Return a table's columns in the order of its rows."""
    if table == DEAD_LETTERS:
        return DEAD_LETTER_COLUMNS
    return next(found.column_names for found in TABLE_BY_TOPIC.values() if found.name == table)


def _row(message: Message, recorded_at: datetime) -> Row:
    source = (message.topic_id, message.partition)
    if message.topic.endswith(DEAD_LETTER_SUFFIX):
        values = dead_letter_row(message, recorded_at)
        return Row(DEAD_LETTERS, source, _month(message.logged_at), values)
    table = TABLE_BY_TOPIC[message.topic]
    record = decoded(message)
    values = table.row(record, message.position, recorded_at)
    for name, value in zip(table.column_names, values, strict=True):
        _check_fits(name, value)
    return Row(table.name, source, _month(record.occurred_at), values)


def _month(instant: datetime) -> int:
    utc = instant.astimezone(UTC)
    return utc.year * 100 + utc.month


def _check_fits(name: str, value: Value) -> None:
    """The wire has integers and times of any size, a column has not; one misfit fails its whole block."""
    if type(value) is int and value not in _INT64:
        raise BadRecord(f"{name} does not fit 64 bits")
    if isinstance(value, datetime) and not _EARLIEST <= value <= _LATEST:
        raise BadRecord(f"{name} lies outside the years 1900 to 2299")
