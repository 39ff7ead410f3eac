"""Which dead letters were sent again, so that a replay of a whole topic sends none of them twice."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Column, Engine, String, Table, insert, select

from services.clients.store.columns import METADATA, Instant

REPLAYS = Table(
    "dead_letter_replays",
    METADATA,
    Column("topic_id", String(64), primary_key=True),
    Column("letter_id", String(512), primary_key=True),
    Column("replayed_at", Instant, nullable=False),
)


def replayed(engine: Engine) -> set[tuple[str, str]]:
    """Return topic id and id of every letter that was sent again."""
    with engine.begin() as connection:
        return {(row.topic_id, row.letter_id) for row in connection.execute(select(REPLAYS))}


def remember(engine: Engine, letters: Iterable[tuple[str, str]], at: datetime) -> None:
    """Note letters as sent again; those already noted stay as they are."""
    with engine.begin() as connection:
        known = {(row.topic_id, row.letter_id) for row in connection.execute(select(REPLAYS))}
        new = sorted(set(letters) - known)
        rows = [{"topic_id": topic_id, "letter_id": letter_id, "replayed_at": at} for topic_id, letter_id in new]
        if rows:
            connection.execute(insert(REPLAYS), rows)
