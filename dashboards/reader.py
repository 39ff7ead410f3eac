"""The dashboard's questions to the warehouse. Every answer is a small frame: aggregates, or the last few rows."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pandas as pd

from schemas.settings import Settings
from services.warehouse.client import Warehouse, WarehouseError

RECENT = "occurred_at >= now64(3) - INTERVAL {minutes:UInt32} MINUTE"


class Unreachable(Exception):
    """The warehouse can't be asked at the moment."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Answers for every application. One per browser session: a connection serves one thread."""

    warehouse: Warehouse

    @classmethod
    def connect(cls) -> "Reader":
        """Connect by the environment's settings.

        Raises:
            Unreachable: The warehouse does not answer.
        """
        with _unreachable():
            return cls(Warehouse.connect(Settings.from_environment()))

    def apps(self) -> list[str]:
        """Return the applications seen, most traffic first."""
        frame = self.ask(
            """
            SELECT app, sum(calls) AS calls
            FROM (
                SELECT app, count() AS calls FROM responses GROUP BY app
                UNION ALL
                SELECT app, count() AS calls FROM adapters GROUP BY app
                UNION ALL
                SELECT app, count() AS calls FROM training_changes GROUP BY app
            )
            GROUP BY app
            ORDER BY calls DESC, app
            """
        )
        return [str(app) for app in frame["app"]]

    def about(self, app: str) -> "About":
        """Return the reader of one application."""
        return About(self, app)

    def ask(self, sql: str, **parameters: object) -> pd.DataFrame:
        """Return the answer to a query.

        Raises:
            Unreachable: The warehouse does not answer.
        """
        with _unreachable():
            return self.warehouse.frame(sql, parameters)


@dataclass(frozen=True, slots=True)
class About:
    """Answers about one application."""

    reader: Reader
    app: str

    def ask(self, sql: str, **parameters: object) -> pd.DataFrame:
        """Return the answer to a query in which {app:String} is bound."""
        return self.reader.ask(sql, app=self.app, **parameters)

    def rows(self, table: str, *, limit: int = 500) -> pd.DataFrame:
        """Return the last rows of one of the loop's small tables, oldest first."""
        frame = self.ask(
            f"SELECT * FROM {table} FINAL WHERE app = {{app:String}} ORDER BY occurred_at DESC LIMIT {{limit:UInt32}}",  # noqa: S608  # the table is a constant of the views
            limit=limit,
        )
        return frame.iloc[::-1].reset_index(drop=True)

    def windows(self, minutes: int) -> pd.DataFrame:
        """Return the merged windows: one row a (version, variant, window) with its counters.

        Of the partials of a source partition the one with the smallest first offset, then the
        largest last offset, is the complete one.
        """
        return self.ask(
            """
            WITH partials AS (
                SELECT adapter_version, variant, tenant, window_start, window_end, source_topic, source_partition,
                    argMin(counters, (first_offset, -last_offset)) AS kept
                FROM metric_windows FINAL
                WHERE app = {app:String} AND window_start >= now64(3) - INTERVAL {minutes:UInt32} MINUTE
                GROUP BY ALL
            )
            SELECT adapter_version, variant, window_start, window_end,
                sum(JSONExtractFloat(kept, 'responses')) AS responses,
                sum(JSONExtractFloat(kept, 'errors')) AS errors,
                sum(JSONExtractFloat(kept, 'input_tokens')) AS input_tokens,
                sum(JSONExtractFloat(kept, 'output_tokens')) AS output_tokens,
                sum(JSONExtractFloat(kept, 'cost_usd')) AS cost_usd,
                sum(JSONExtractFloat(kept, 'feedback')) AS feedback,
                sum(JSONExtractFloat(kept, 'feedback_correct')) AS feedback_correct
            FROM partials
            GROUP BY ALL
            ORDER BY window_start, adapter_version, variant
            """,
            minutes=minutes,
        )

    def latencies(self, minutes: int) -> pd.DataFrame:
        """Return latency quantiles in ms of each version over slices of ten seconds."""
        return self.ask(
            f"""
            SELECT toStartOfInterval(occurred_at, INTERVAL 10 SECOND) AS at, adapter_version,
                quantile(0.5)(latency_ms) AS p50, quantile(0.95)(latency_ms) AS p95, quantile(0.99)(latency_ms) AS p99
            FROM responses FINAL
            WHERE app = {{app:String}} AND variant != 'shadow' AND {RECENT}
            GROUP BY at, adapter_version
            ORDER BY at
            """,  # noqa: S608  # constant
            minutes=minutes,
        )

    def score_shares(self, minutes: int) -> pd.DataFrame:
        """Return each score's mean and share labelled unsafe, weighted by inverse sampling probability."""
        return self.ask(
            f"""
            SELECT toStartOfInterval(occurred_at, INTERVAL 10 SECOND) AS at, name, adapter_version,
                sum((label = 'unsafe') / sampling_probability) / sum(1 / sampling_probability) AS unsafe_share,
                sum(value / sampling_probability) / sum(1 / sampling_probability) AS mean,
                count() AS scored
            FROM scores FINAL
            WHERE app = {{app:String}} AND variant != 'shadow' AND {RECENT}
            GROUP BY at, name, adapter_version
            ORDER BY at
            """,  # noqa: S608  # constant
            minutes=minutes,
        )

    def drift(self, minutes: int) -> pd.DataFrame:
        """Return drift measurements, oldest first."""
        return self.ask(
            f"""
            SELECT occurred_at, window_end, adapter_version, metric, method, value, threshold, drifted, count
            FROM drift_measurements FINAL
            WHERE app = {{app:String}} AND {RECENT}
            ORDER BY occurred_at
            """,  # noqa: S608  # constant
            minutes=minutes,
        )

    def dead_letters(self) -> pd.DataFrame:
        """Return the undecodable messages of the last day by topic and reason; they belong to no app."""
        return self.reader.ask(
            """
            SELECT source_topic, reason, count() AS messages, max(occurred_at) AS last
            FROM dead_letters FINAL
            WHERE occurred_at >= now64(3) - INTERVAL 1 DAY
            GROUP BY source_topic, reason
            ORDER BY messages DESC
            LIMIT 50
            """
        )


@contextmanager
def _unreachable() -> Iterator[None]:
    try:
        yield
    except WarehouseError as error:
        raise Unreachable(str(error)) from error
