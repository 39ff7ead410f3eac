"""Opens the control store: SQLite (WAL) on a laptop, PostgreSQL in production, the same Core code."""

import sqlite3
import time
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

BUSY_TIMEOUT_S = 30
_MIGRATIONS = Path(__file__).parent / "migrations"
# Any number will do, as long as every process of a deployment takes the same one.
_POSTGRESQL_LOCK = 7305221


def open_store(url: str) -> Engine:
    """Return an engine on a store whose schema is up to date.

    Creates the folder and the file of a SQLite store. Processes that start at once migrate one
    after the other: the first inside a write transaction, the others wait for it and find nothing
    left to do. Transactions on SQLite begin IMMEDIATE, so that two writers queue instead of failing.

    Raises:
        OperationalError: The store can't be reached, or stays locked for BUSY_TIMEOUT_S.
    """
    engine = (
        _sqlite_engine(url) if make_url(url).get_backend_name() == "sqlite" else create_engine(url, pool_pre_ping=True)
    )
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_POSTGRESQL_LOCK})")
        _upgrade(connection)
    return engine


def store_is_there(url: str) -> bool:
    """Make sure that a store can be opened, and change nothing; return False for a SQLite file that is yet to be made.

    Raises:
        ArgumentError: Not the address of a database.
        DBAPIError: Not reachable, or not a database.
    """
    address = make_url(url)
    if address.get_backend_name() == "sqlite" and address.database:
        file = Path(address.database).absolute()
        if not file.exists():
            return False
        address = address.set(database=file.as_uri(), query={"mode": "ro", "uri": "true"})
    engine = create_engine(address)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(
                "SELECT name FROM sqlite_master" if engine.dialect.name == "sqlite" else "SELECT 1"
            )
    finally:
        engine.dispose()
    return True


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _sqlite_engine(url: str) -> Engine:
    database = make_url(url).database
    if database:
        Path(database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S})
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin_immediate)
    _enable_write_ahead_log(engine)
    return engine


def _configure(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    if isinstance(connection, sqlite3.Connection):
        # The driver would otherwise begin transactions itself, deferred and only before a write.
        connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _enable_write_ahead_log(engine: Engine) -> None:
    # The busy timeout does not cover the change of journal mode, which needs the file alone.
    give_up_at = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        connection = engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA journal_mode = WAL")
            return
        except (sqlite3.OperationalError, OperationalError):
            if time.monotonic() > give_up_at:
                raise
            time.sleep(0.05)
        finally:
            connection.close()
