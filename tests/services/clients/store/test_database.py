import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Column, Integer, Table, insert, select

from services.clients.store import deliveries, rollouts
from services.clients.store.columns import METADATA, Instant
from services.clients.store.database import open_store, store_is_there
from tests.fixtures.waiting import PATIENCE_S

OURS = {deliveries.DELIVERIES.name, *(table.name for table in vars(rollouts).values() if isinstance(table, Table))}


def test_processes_that_start_at_once_all_find_the_schema(store_url: str) -> None:
    program = (
        f"from services.clients.store.database import open_store, store_is_there; open_store({store_url!r}).dispose()"
    )
    processes = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(4)]
    assert [process.wait(PATIENCE_S) for process in processes] == [0, 0, 0, 0]


def test_migrated_schema_is_what_the_tables_say(store_url: str) -> None:
    engine = open_store(store_url)
    with engine.begin() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), METADATA)
    engine.dispose()
    assert [difference for difference in differences if _concerns_us(difference)] == []


def _concerns_us(difference: object) -> bool:
    return any(name in repr(difference) for name in OURS)


def test_sqlite_writes_ahead(tmp_path: Path) -> None:
    engine = open_store(f"sqlite:///{tmp_path / 'control.db'}")
    with engine.begin() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    engine.dispose()


def test_looking_whether_a_store_is_there_makes_none(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new' / 'control #1.db'}"
    assert not store_is_there(url)
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_was_opened_is_there(store_url: str) -> None:
    open_store(store_url).dispose()
    assert store_is_there(store_url)


def test_instants_come_back_in_utc_to_the_millisecond(store_url: str) -> None:
    engine = open_store(store_url)
    instant = datetime(2026, 1, 31, 12, 0, 0, 123000, tzinfo=UTC)
    row = {"event_id": "one", "handled_at": instant}
    with engine.begin() as connection:
        connection.execute(insert(rollouts.INPUTS).values(row))
        assert connection.execute(select(rollouts.INPUTS.c.handled_at)).scalar_one() == instant
    engine.dispose()


def test_a_column_that_no_migration_made_is_noticed(store_url: str) -> None:
    engine = open_store(store_url)
    forgotten = Table("forgotten", METADATA, Column("id", Integer, primary_key=True), Column("at", Instant))
    try:
        with engine.begin() as connection:
            differences = compare_metadata(MigrationContext.configure(connection), METADATA)
    finally:
        METADATA.remove(forgotten)
        engine.dispose()
    assert any("forgotten" in repr(difference) for difference in differences)
