"""Reading and writing ClickHouse. The sink writes through this, everyone else only reads.

Readers of event tables say `FROM t FINAL`: the tables collapse rows of one event id only on merge.
"""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit
from uuid import uuid4

import clickhouse_connect
from clickhouse_connect.driver import options as driver_options
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError, OperationalError

from schemas.settings import Settings
from schemas.tables import Value

if TYPE_CHECKING:
    import pandas as pd

CONNECT_TIMEOUT_S = 5
ANSWER_TIMEOUT_S = 60
LOOK_EVERY_S = 0.05
# ClickHouse's TOO_MANY_SIMULTANEOUS_QUERIES and MEMORY_LIMIT_EXCEEDED pass with time.
_PASSING_CODES = frozenset({202, 241})

_FOR_FRAMES = ("pd", "np")
_frames = threading.Lock()

Row = dict[str, Any]
Parameters = Mapping[str, object]


class WarehouseError(Exception):
    """The warehouse did not do what it was asked.

    WarehouseError
      WarehouseDown      not reachable, starting, or overloaded: try again
      WarehouseRefused   it answered no: the statement or the rows are wrong
    """


class WarehouseDown(WarehouseError):
    """Not reachable, starting or overloaded. Whether an insert took effect is unknown: ask before repeating it."""


class WarehouseRefused(WarehouseError):
    """The statement or the rows are wrong; repeating them gives the same answer."""


class _Result(Protocol):
    @property
    def column_names(self) -> Sequence[str]: ...
    def named_results(self) -> Iterator[Row]: ...


class _Client(Protocol):
    """The part of clickhouse-connect's client that is used here (it carries no types)."""

    def insert(
        self,
        table: str,
        data: Sequence[Sequence[Value]],
        column_names: Sequence[str],
        *,
        settings: Mapping[str, object],
    ) -> object: ...
    def query(self, query: str, parameters: dict[str, object] | None) -> _Result: ...
    def query_df(self, query: str, parameters: dict[str, object] | None) -> "pd.DataFrame": ...
    def command(self, cmd: str) -> object: ...
    def close(self) -> None: ...


class Warehouse:
    """A connection for one thread: clickhouse-connect refuses concurrent queries in one session."""

    def __init__(self, client: _Client) -> None:
        self._client = client

    @classmethod
    def connect(cls, settings: Settings, *, database: str | None = None) -> "Warehouse":
        """Connect to the warehouse of a deployment.

        Args:
            settings: User and password may stand in `warehouse_url`.
            database: Another database than the deployment's.

        Raises:
            WarehouseDown: It is not reachable or still starting.
            WarehouseRefused: The database is missing or the user is not let in.
        """
        url = urlsplit(settings.warehouse_url)
        with _errors_translated():
            client = clickhouse_connect.get_client(
                interface=url.scheme,
                host=url.hostname,
                port=url.port,
                username=url.username or "default",
                password=url.password or "",
                database=database or settings.warehouse_database,
                connect_timeout=CONNECT_TIMEOUT_S,
                send_receive_timeout=ANSWER_TIMEOUT_S,
                query_retries=0,
                autogenerate_session_id=False,
                compress="lz4" if url.scheme == "https" else False,
                tz_mode="aware",
            )
        return cls(client)

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Value]]) -> None:
        """Store rows as one block for each of the table's partitions, each all or nothing, and once.

        The driver sends an insert again, unasked, when the connection ends before the answer; the token makes
        the server drop what it has already (the tables remember their last inserts for it).

        Raises:
            WarehouseDown: The outcome is unknown.
            WarehouseRefused: Nothing was stored.
        """
        if not rows:
            return
        _without_frames()
        whole = {"max_insert_block_size": len(rows), "min_insert_block_size_rows": len(rows), "max_insert_threads": 1}
        once = {"insert_deduplication_token": uuid4().hex}
        with _errors_translated():
            self._client.insert(table, rows, column_names=columns, settings={**whole, **once})

    def query(self, sql: str, parameters: Parameters | None = None) -> list[Row]:
        """Return rows as dictionaries; `{name:Type}` in the SQL is bound from `parameters`. Times are aware, UTC."""
        with _errors_translated():
            return list(self._client.query(sql, dict(parameters or {}) or None).named_results())

    def frame(self, sql: str, parameters: Parameters | None = None) -> "pd.DataFrame":
        """Return the result as a data frame, with its columns even when it has no rows."""
        # Only pages ask for frames; everyone else is spared its 70 MB.
        import pandas as pd

        _with_frames()
        bound = dict(parameters or {}) or None
        with _errors_translated():
            frame = self._client.query_df(sql, bound)
            if len(frame.columns):
                return frame
            # clickhouse-connect forgets the columns of an empty frame.
            return pd.DataFrame(columns=list(self._client.query(sql, bound).column_names))

    def wait_for_inserts(self) -> None:
        """Return when the inserts into this database that are under way now have ended.

        An insert goes on in the server after its client has given up or died. What was stored is known only then.

        Raises:
            WarehouseDown: Not reachable, or some insert takes longer than ANSWER_TIMEOUT_S.
        """
        deadline = time.monotonic() + ANSWER_TIMEOUT_S
        waited_for = left = self._running_inserts()
        while left:
            if time.monotonic() > deadline:
                raise WarehouseDown(f"{len(left)} inserts take longer than {ANSWER_TIMEOUT_S} s")
            time.sleep(LOOK_EVERY_S)
            left = waited_for & self._running_inserts()

    def _running_inserts(self) -> frozenset[str]:
        running = """
            SELECT query_id
            FROM system.processes
            WHERE query_kind = 'Insert' AND current_database = currentDatabase()
        """
        return frozenset(str(row["query_id"]) for row in self.query(running))

    def execute(self, statement: str) -> None:
        """Run a statement without a result (DDL)."""
        with _errors_translated():
            self._client.command(statement)

    def close(self) -> None:
        """Give the connection back."""
        self._client.close()

    def __enter__(self) -> "Warehouse":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _without_frames() -> None:
    """Spare the driver pandas and numpy, which it imports to ask whether rows are a frame or an array: never here."""
    with _frames:
        for name in _FOR_FRAMES:
            vars(driver_options).setdefault(name, None)


def _with_frames() -> None:
    """Let the driver have what `_without_frames` kept from it."""
    with _frames:
        for name in _FOR_FRAMES:
            if vars(driver_options).get(name, ...) is None:
                vars(driver_options).pop(name)
        driver_options.check_pandas()
        driver_options.check_numpy()


@contextmanager
def _errors_translated() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise WarehouseDown(str(error)) from error
    except DatabaseError as error:
        raise _judged(error) from error
    except ClickHouseError as error:
        raise WarehouseRefused(str(error)) from error


def _judged(error: DatabaseError) -> WarehouseError:
    text = str(error)
    code = getattr(error, "code", None)
    if code in _PASSING_CODES or "HTTP status 50" in text:
        return WarehouseDown(text)
    return WarehouseRefused(text)
