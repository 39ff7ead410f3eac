"""From message to rows of its table, or the reason why not. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import NamedTuple

from schemas.codec import BadElement, is_batch, split
from schemas.record import Record
from schemas.tables import DEAD_LETTERS, PLACE_COLUMNS, TABLE_BY_NAME, TABLE_BY_TOPIC, Position, Table, Value
from schemas.topics import DEAD_LETTER_SUFFIX
from services.clients.bus.decoding import decoded_elements
from services.clients.bus.message import Message
from services.privacy.names import Before
from services.sink.dead_letters import DEAD_LETTER_COLUMNS, dead_letter_row

_INT64 = range(-(2**63), 2**63)
_EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
_LATEST = datetime(2299, 12, 31, tzinfo=UTC)


class Row(NamedTuple):
    """A row on its way into a table.

    Attributes:
        source: Topic id and partition of the message it came from.
        months: The table's partitions, e.g. 202601, that the rows of its message fall in.
    """

    table: str
    source: tuple[str, int]
    months: tuple[int, ...]
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Poison:
    """A message, or an element of one, that can't be stored, with the reason."""

    message: Message
    element: BadElement


def judged(message: Message, recorded_at: datetime, before: Before = lambda record: record) -> list[Row | Poison]:
    """Return what becomes of a message: for each event in it a reason, or its rows, which share its offset.

    Args:
        message: As it was polled.
        recorded_at: Now.
        before: What is done to a record before it is stored.
    """
    source, position = (message.topic_id, message.partition), message.position
    if message.topic.endswith(DEAD_LETTER_SUFFIX):
        letter = dead_letter_row(message, recorded_at)
        return [Row(DEAD_LETTERS, source, (_month(message.logged_at),), letter)]
    table = TABLE_BY_TOPIC[message.topic]
    verdicts = [
        verdict
        if isinstance(verdict, BadElement)
        else _stored(table, message, position, before(verdict), recorded_at, index)
        for index, verdict in enumerate(decoded_elements(message))
    ]
    months = tuple(sorted({verdict.month for verdict in verdicts if isinstance(verdict, _Stored)}))
    found: list[Row | Poison] = []
    for verdict in verdicts:
        if isinstance(verdict, _Stored):
            found += [Row(table.name, source, months, values) for values in verdict.rows]
        else:
            found.append(Poison(message, verdict))
    return found


@cache
def columns_of(table: str) -> tuple[str, ...]:
    """Return a table's columns in the order of its rows."""
    if table == DEAD_LETTERS:
        return DEAD_LETTER_COLUMNS
    return next(found.column_names for found in TABLE_BY_TOPIC.values() if found.name == table)


class _Stored(NamedTuple):
    month: int
    rows: list[tuple[Value, ...]]


def _stored(
    table: Table, message: Message, position: Position, record: Record, recorded_at: datetime, index: int
) -> _Stored | BadElement:
    """Return a record's rows. The wire has integers and times of any size, a column has not, and one fails all."""
    rows = table.rows(record, position, recorded_at)
    for at, name in _bounded(table.name):
        if reason := next((reason for values in rows if (reason := _misfit(name, values[at]))), ""):
            if is_batch(message.topic, message.headers):
                return BadElement(index + 1, split(message.value or b"")[index], reason)
            return BadElement(0, message.value, reason)
    return _Stored(_month(record.occurred_at), rows)


def _misfit(name: str, value: Value) -> str:
    if isinstance(value, int) and value not in _INT64:
        return f"{name} does not fit 64 bits"
    if isinstance(value, datetime) and not _EARLIEST <= value <= _LATEST:
        return f"{name} lies outside the years 1900 to 2299"
    return ""


@cache
def _bounded(table: str) -> tuple[tuple[int, str], ...]:
    """Return place and name of the columns that can't hold every value that a record may have there."""
    columns = enumerate(TABLE_BY_NAME[table].columns[: -len(PLACE_COLUMNS)])
    return tuple((at, c.name) for at, c in columns if "Int64" in c.type or "DateTime64" in c.type)


def _month(instant: datetime) -> int:
    utc = instant.astimezone(UTC)
    return utc.year * 100 + utc.month
