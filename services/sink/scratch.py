"""Recomputed records into a database of their own, through the rows and blocks of the sink.

For comparisons only: the records have no place in the log, so their rows tell where they stood in the file.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice

import msgspec

from schemas.codec import from_unix_ms
from schemas.settings import Settings
from services.clients.bus.message import Message
from services.clients.warehouse.client import Warehouse
from services.clients.warehouse.migrations import migrate
from services.sink.blocks import blocks_of
from services.sink.rows import Poison, Row, judged
from services.sink.table_store import TableStore

AT_ONCE = 5_000
_NOWHERE = "recomputed"


class Told(msgspec.Struct, frozen=True):
    """A line of the file: a record, its topic and when (Unix ms) it would have been logged."""

    topic: str
    logged_at: int
    record: msgspec.Raw


class Unstorable(ValueError):
    """A record that was recomputed can't be stored. The message is one line."""


@contextmanager
def scratch_database(settings: Settings, name: str, *, keep: bool) -> Iterator[Settings]:
    """Create a database with the warehouse's tables and give its settings; it is dropped afterwards unless kept.

    Raises:
        WarehouseError: The warehouse is not reachable or refuses.
    """
    scratch = replace(settings, warehouse_database=name)
    try:
        migrate(scratch)
        yield scratch
    finally:
        if not keep:
            with Warehouse.connect(settings) as warehouse:
                warehouse.execute(f"DROP DATABASE IF EXISTS `{name}`")


def store(scratch: Settings, lines: Iterable[bytes]) -> int:
    """Store the records of a file; return how many.

    Raises:
        Unstorable: One of them is what the sink would put aside.
        WarehouseError: The warehouse is not reachable or refuses.
    """
    decode, count = msgspec.json.Decoder(Told).decode, 0
    messages = (_message(decode(line), offset) for offset, line in enumerate(lines))
    with closing(TableStore(scratch)) as tables:
        while some := list(islice(messages, AT_ONCE)):
            for block in blocks_of(_rows(some)):
                tables.insert(block)
            count += len(some)
    return count


def _message(told: Told, offset: int) -> Message:
    value, logged_at = bytes(told.record), from_unix_ms(told.logged_at)
    return Message(told.topic, _NOWHERE, 0, offset, None, value, (), logged_at)


def _rows(messages: Iterable[Message]) -> Iterator[Row]:
    recorded_at = datetime.now(UTC)
    for message in messages:
        for verdict in judged(message, recorded_at):
            if isinstance(verdict, Poison):
                raise Unstorable(f"{message.topic}: {verdict.element.reason}")
            yield verdict
