"""Rows into blocks that are atomic each, in an order in which every prefix is a safe state. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from schemas.tables import Value
from services.sink.rows import Row


@dataclass(frozen=True, slots=True)
class Block:
    """Rows of one table that fall in one of its partitions: ClickHouse stores all of them or none.

    The one exception is a message whose own events fall in several: it must not be cut, so it is a
    block of all its partitions, and the engine makes them visible one right after the other. The
    product's own producers write no such message.
    """

    table: str
    rows: tuple[tuple[Value, ...], ...]


def blocks_of(rows: Iterable[Row]) -> Iterator[Block]:
    """Yield the blocks of rows that come in offset order within each source.

    The position a sink goes on from is the highest offset a table holds for a source. So a row may
    only be stored when all rows of its source before it are, or are stored with it. Each source's
    rows are cut where the month changes, never within a message; the first runs of all sources go
    first, joined where they share a month, then the second runs, and so on.
    """
    by_table: dict[str, list[Row]] = {}
    for row in rows:
        by_table.setdefault(row.table, []).append(row)
    for table, found in by_table.items():
        for round_ in _rounds(found):
            for months in sorted({row.months for row in round_}):
                yield Block(table, tuple(row.values for row in round_ if row.months == months))


def _rounds(rows: list[Row]) -> list[list[Row]]:
    rounds: list[list[Row]] = []
    by_source: dict[tuple[str, int], list[Row]] = {}
    for row in rows:
        by_source.setdefault(row.source, []).append(row)
    for found in by_source.values():
        for index, (_, run) in enumerate(groupby(found, key=lambda row: row.months)):
            if index == len(rounds):
                rounds.append([])
            rounds[index].extend(run)
    return rounds
