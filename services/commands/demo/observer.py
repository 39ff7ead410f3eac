"""Reads the warehouse to see what the system did; knows nothing that a user could not look up."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from services.clients.warehouse.client import Warehouse, WarehouseDown

POLL_S = 0.5
Row = Mapping[str, Any]


class NothingHappened(RuntimeError):
    """A stage did not come within its time. The message says which and what was seen last."""


class Observer:
    """Waits for rows to appear. One per thread."""

    def __init__(self, warehouse: Warehouse, app: str) -> None:
        self._warehouse = warehouse
        self._app = app

    def rows(self, sql: str, **parameters: object) -> Sequence[Row]:
        """Return the rows of a query; {app:String} is bound."""
        return self._warehouse.query(sql, {"app": self._app, **parameters})

    def first(self, table: str, where: str, **parameters: object) -> Row | None:
        """Return the earliest row of a table that meets a condition, or None."""
        sql = f"""
            SELECT *
            FROM {table} FINAL
            WHERE app = {{app:String}} AND ({where})
            ORDER BY occurred_at
            LIMIT 1
        """  # noqa: S608  # table and condition are constants of this package
        found = self.rows(sql, **parameters)
        return found[0] if found else None

    def wait_for(
        self, what: str, look: Callable[[], Row | None], *, patience_s: float, tell: Callable[[str], None] | None = None
    ) -> Row:
        """Return the row that `look` finds, looking until it is there.

        A warehouse that is down for a moment is waited for as well.

        Raises:
            NothingHappened: `patience_s` went by.
        """
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            try:
                row = look()
                if row is not None:
                    return row
                if tell is not None:
                    tell(self.training_progress())
            except WarehouseDown:
                pass
            time.sleep(POLL_S)
        last = self.training_progress()
        raise NothingHappened(f"{what}: not within {patience_s:.0f} s; training last said: {last or 'nothing'}")

    def training_progress(self) -> str:
        """Return the latest word of the training service, e.g. "training 40/100, loss 0.21"."""
        found = self.rows(
            """
            SELECT state, step, steps, loss, detail
            FROM training_changes FINAL
            WHERE app = {app:String}
            ORDER BY occurred_at DESC
            LIMIT 1
            """
        )
        if not found:
            return ""
        last = found[0]
        if last["state"] == "training" and last["steps"]:
            loss = "" if last["loss"] is None else f", loss {last['loss']:.3f}"
            return f"training {last['step']}/{last['steps']}{loss}"
        return f"{last['state']} {last['detail']}".strip()

    def count(self, sql: str, **parameters: object) -> int:
        """Return the single number of a query."""
        return int(next(iter(self.rows(sql, **parameters)[0].values())))


def seconds_between(start: datetime, end: datetime) -> float:
    """Return end minus start, rounded to milliseconds."""
    return round((end - start).total_seconds(), 3)


def sql_instant(instant: datetime) -> str:
    """Return an instant as text for toDateTime64(..., 3, 'UTC')."""
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
