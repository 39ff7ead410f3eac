"""From where the sink reads a partition: behind what its table holds. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from schemas.tables import DEAD_LETTERS, TABLE_BY_TOPIC
from schemas.topics import DEAD_LETTER_SUFFIX
from services.clients.bus.assignment import Assigned

Stored = Mapping[tuple[str, int], int]
"""Highest stored offset by topic id and partition."""


def table_of(topic: str) -> str:
    """Return the table that a topic of the catalogue, or its dead-letter topic, is stored in."""
    return DEAD_LETTERS if topic.endswith(DEAD_LETTER_SUFFIX) else TABLE_BY_TOPIC[topic].name


def tables_of(assigned: Iterable[Assigned]) -> list[str]:
    """Return the tables to ask, each once."""
    return sorted({table_of(partition.topic) for partition in assigned})


def stored_sql(table: str) -> str:
    """Return the query of a table's highest offsets from `since` on; parameters `topic_ids` and `since`.

    Without FINAL: a row that a later one of the same event id replaced was stored all the same. The table's
    index of offsets passes over what lies before, so that the answer does not take longer as the table grows.
    """
    return f"""
SELECT topic_id, partition, max(offset) AS highest
FROM {table}
WHERE topic_id IN {{topic_ids:Array(String)}} AND offset >= {{since:Int64}}
GROUP BY topic_id, partition
"""  # noqa: S608  # the name comes from the catalogue


def asked_of(table: str, assigned: Iterable[Assigned]) -> dict[str, object]:
    """Return the query's parameters: nothing below the group's commits needs to be looked at."""
    held = [partition for partition in assigned if table_of(partition.topic) == table]
    since = min((partition.committed or 0 for partition in held), default=0)
    return {"topic_ids": sorted({partition.topic_id for partition in held}), "since": since}


def starts_of(assigned: Sequence[Assigned], stored: Stored) -> list[int | None]:
    """Return for each partition the offset to read first; None means its beginning.

    The greater of what the table holds and what the group committed: a commit follows its insert,
    and it alone knows of messages that left no row (dead letters, and rows past their retention).
    """
    return [_start(partition, stored.get((partition.topic_id, partition.partition))) for partition in assigned]


def _start(partition: Assigned, highest: int | None) -> int | None:
    known = [at for at in (partition.committed, None if highest is None else highest + 1) if at is not None]
    return max(known, default=None)
