"""Reads the warehouse to see what the system did; knows nothing that a user could not look up."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from services.clients.warehouse.client import Warehouse, WarehouseDown

POLL_S = 0.5
MOST_ANSWERS = 2_000
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
        self,
        what: str,
        look: Callable[[], Row | None],
        *,
        patience_s: float,
        sign: Callable[[], str],
        tell: Callable[[str], None] | None = None,
    ) -> Row:
        """Return the row that `look` finds, looking for as long as there are signs that it will come.

        A warehouse that is down for a moment is waited for as well.

        Args:
            patience_s: How long the sign may stay the same; how long it all takes is the machine's affair.
            sign: How far what is waited for has come, in words.
            tell: Hears each sign.

        Raises:
            NothingHappened: Nothing moved for `patience_s`.
        """
        last, deadline = "", time.monotonic() + patience_s
        while time.monotonic() < deadline:
            try:
                row = look()
                if row is not None:
                    return row
                seen = sign()
            except WarehouseDown:
                seen = last
            if seen != last:
                last, deadline = seen, time.monotonic() + patience_s
                if tell is not None:
                    tell(f"waiting for {what}: {seen}")
            time.sleep(POLL_S)
        raise NothingHappened(f"{what}: nothing moved for {patience_s:.0f} s; last seen: {last or 'nothing'}")

    def rollout_progress(self, version: str) -> str:
        """Return how far a version's rollout has come, e.g. "canary, change 3, 120 answers".

        Answers past MOST_ANSWERS are no sign that it will end.
        """
        last = self.rows(
            """
            SELECT count() AS changes, argMax(state, sequence) AS state
            FROM rollouts FINAL
            WHERE app = {app:String} AND adapter_version = {version:String}
            """,
            version=version,
        )[0]
        answers = self.count(
            "SELECT count() FROM responses FINAL WHERE app = {app:String} AND adapter_version = {version:String}",
            version=version,
        )
        if not last["changes"]:
            return ""
        return f"{last['state']}, change {last['changes']}, {min(answers, MOST_ANSWERS)} answers"

    def judged_since(self, instant: str, most: int) -> str:
        """Return how many answers were judged since an instant, at most `most`: what moves monitors."""
        found = self.count(
            "SELECT count() FROM feedback FINAL "
            "WHERE app = {app:String} AND occurred_at >= toDateTime64({since:String}, 3, 'UTC')",
            since=instant,
        )
        return f"{min(found, most)} answers judged"

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
