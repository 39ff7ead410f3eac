"""The dashboard's questions to the warehouse. Every answer is small: aggregates, or the last few rows.

Windows are merged as everywhere (design 4.3): of the partials of a source partition the one with the
smallest first offset, then the largest last offset, counts; counters add up, sketches add bin by bin.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import pandas as pd

from dashboards.rows import Row, Rows
from schemas.metrics import COUNTERS
from schemas.settings import Settings
from services.clients.warehouse.client import Warehouse, WarehouseError

RECENT = "occurred_at >= now64(3) - toIntervalMinute({minutes:UInt32})"
BUCKET = "toIntervalSecond({bucket:UInt32})"
QUANTILES = ("p50", "p95", "p99")
# The middle of the bin in which the value of each rank lies.
_AT_RANKS = """
    arrayMap(
        q -> if(
            zeros > q * (count - 1),
            0,
            2 / (gamma + 1) * pow(gamma, mapKeys(bins)[
                arrayFirstIndex(c -> zeros + c > q * (count - 1), arrayCumSum(mapValues(bins)))
            ])
        ),
        [0.5, 0.95, 0.99]
    )
"""


@dataclass(frozen=True, slots=True)
class Span:
    """How far back a page looks, and the width in seconds of one point of its charts."""

    minutes: int
    bucket: int

    @property
    def length(self) -> timedelta:
        """How far back."""
        return timedelta(minutes=self.minutes)


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

    def apps(self) -> tuple[str, ...]:
        """Return the applications seen in the last week or ever trained, the busiest first."""
        with _unreachable():
            rows = self.warehouse.query(
                """
                SELECT app, sum(windows) AS windows
                FROM (
                    SELECT app, count() AS windows FROM metric_windows
                    WHERE occurred_at >= now64(3) - INTERVAL 7 DAY GROUP BY app
                    UNION ALL
                    SELECT DISTINCT app, 0 AS windows FROM adapters
                    UNION ALL
                    SELECT DISTINCT app, 0 AS windows FROM training_changes
                )
                GROUP BY app
                ORDER BY windows DESC, app
                """
            )
        return tuple(str(row["app"]) for row in rows)

    def about(self, app: str) -> "About":
        """Return the reader of one application."""
        return About(self, app)

    def frame(self, sql: str, parameters: Mapping[str, object]) -> pd.DataFrame:
        """Return the answer to a query.

        Raises:
            Unreachable: The warehouse does not answer.
        """
        with _unreachable():
            return self.warehouse.frame(sql, parameters)

    def dead_letters(self) -> pd.DataFrame:
        """Return the undecodable messages of the last day by topic and reason; they belong to no app."""
        return self.frame(
            """
            SELECT source_topic, reason, count() AS messages, max(occurred_at) AS last
            FROM dead_letters FINAL
            WHERE occurred_at >= now64(3) - INTERVAL 1 DAY
            GROUP BY source_topic, reason
            ORDER BY messages DESC, source_topic
            LIMIT 50
            """,
            {},
        )


@dataclass(frozen=True, slots=True)
class About:
    """Answers about one application."""

    reader: Reader
    app: str

    def story(self) -> Rows:
        """Return the last rows of the loop's tables."""
        return Rows(
            alerts=self.rows("alerts"),
            deliveries=self.rows("alert_deliveries"),
            retrainings=self.rows("retrainings"),
            training_changes=self.rows("training_changes", per="job_id, state"),
            proposals=self.rows("adapter_proposals"),
            adapters=self.rows("adapters"),
            orders=self.rows("rollout_orders"),
            rollouts=self.rows("rollouts"),
            drifts=self.rows("drift_measurements", only="drifted"),
        )

    def rows(self, table: str, *, per: str = "", only: str = "true", limit: int = 300) -> tuple[Row, ...]:
        """Return the last rows of a small table, oldest first: with `per`, the last one of each such group.

        `table`, `per` and `only` are the views' constants, never input.
        """
        sql = f"""
            SELECT * FROM {table} FINAL
            WHERE app = {{app:String}} AND {only}
            ORDER BY occurred_at DESC, offset DESC
            {f"LIMIT 1 BY {per}" if per else ""}
            LIMIT {{limit:UInt32}}
        """  # noqa: S608  # constants
        with _unreachable():
            found = self.reader.warehouse.query(sql, {"app": self.app, "limit": limit})
        return tuple(reversed(found))

    def losses(self, job_id: str) -> tuple[Row, ...]:
        """Return the steps of a training with their losses, in order."""
        sql = """
            SELECT step, loss
            FROM training_changes FINAL
            WHERE app = {app:String} AND job_id = {job_id:String} AND state = 'training'
            ORDER BY step
            LIMIT 1000
        """
        with _unreachable():
            return tuple(self.reader.warehouse.query(sql, {"app": self.app, "job_id": job_id}))

    def windows(self, span: Span) -> pd.DataFrame:
        """Return the counters of each version and variant over time.

        One row a (at, adapter_version, variant) with the counters' sums over the bucket that begins
        at `at`, and `covered_s`, the seconds of the bucket that closed windows of any version cover.
        """
        sums = ", ".join(f"sum(JSONExtractFloat(kept, '{name}')) AS {name}" for name in COUNTERS)
        return self._ask(
            f"""
            WITH partials AS ({_partials("counters")}),
            summed AS (
                SELECT toStartOfInterval(window_start, {BUCKET}) AS at, adapter_version, variant, {sums},
                    groupUniqArray((window_start, window_end)) AS closed
                FROM partials
                GROUP BY at, adapter_version, variant
            )
            SELECT * EXCEPT closed,
                arraySum(
                    w -> dateDiff('millisecond', w.1, w.2), groupUniqArrayArray(closed) OVER (PARTITION BY at)
                ) / 1000 AS covered_s
            FROM summed
            ORDER BY at, adapter_version, variant
            """,  # noqa: S608  # constants
            span,
            shadows=True,
        )

    def quantiles(self, value: str, span: Span, *, whole: bool = False) -> pd.DataFrame:
        """Return p50, p95 and p99 of a sketched value of each version, over time or over the whole span.

        The quantiles are those of all observations together, read off the added bins of a DDSketch
        (Masson, Rim, Lee 2019): within the sketch's relative accuracy, which is 1 %.
        """
        bins = f"CAST(JSONExtractKeysAndValues(kept, '{value}', 'bins', 'UInt64'), 'Map(String, UInt64)')"
        return self._ask(
            f"""
            WITH partials AS ({_partials("sketches")}),
            merged AS (
                SELECT if({{whole:Bool}}, toDateTime(0, 'UTC'), toStartOfInterval(window_start, {BUCKET})) AS at,
                    adapter_version,
                    mapSort(sumMap(mapApply((bin, n) -> (toInt32(bin), n), {bins}))) AS bins,
                    sum(JSONExtractUInt(kept, '{value}', 'zeros')) AS zeros,
                    max(JSONExtractFloat(kept, '{value}', 'relative_accuracy')) AS accuracy
                FROM partials
                WHERE JSONHas(kept, '{value}')
                GROUP BY at, adapter_version
            )
            SELECT at, adapter_version, zeros + arraySum(mapValues(bins)) AS count,
                (1 + accuracy) / (1 - accuracy) AS gamma,
                {_AT_RANKS} AS found,
                found[1] AS p50, found[2] AS p95, found[3] AS p99
            FROM merged
            WHERE count > 0
            ORDER BY at, adapter_version
            """,  # noqa: S608  # constants
            span,
            shadows=False,
            whole=whole,
        )

    def drift(self, span: Span) -> pd.DataFrame:
        """Return drift measurements, oldest first; of more than a thousand a method and series, the last."""
        return self._ask(
            f"""
            SELECT occurred_at AS at, adapter_version, metric, method, value, threshold, drifted, count
            FROM drift_measurements FINAL
            WHERE app = {{app:String}} AND variant = 'stable' AND {RECENT}
            ORDER BY occurred_at DESC
            LIMIT 1000 BY adapter_version, metric, method
            """,  # noqa: S608  # constants
            span,
        ).iloc[::-1]

    def _ask(self, sql: str, span: Span, **parameters: object) -> pd.DataFrame:
        bound = {"app": self.app, "minutes": span.minutes, "bucket": span.bucket, **parameters}
        return self.reader.frame(sql, bound)


def _partials(column: str) -> str:
    """Return the query for a column's complete partial of each series, window and source partition."""
    return f"""
        SELECT adapter_version, variant, tenant, window_start, window_end, source_topic, source_partition,
            argMin({column}, (first_offset, -last_offset)) AS kept
        FROM metric_windows FINAL
        WHERE app = {{app:String}} AND {RECENT} AND ({{shadows:Bool}} OR variant != 'shadow')
        GROUP BY ALL
    """  # noqa: S608  # constants


@contextmanager
def _unreachable() -> Iterator[None]:
    try:
        yield
    except WarehouseError as error:
        raise Unreachable(str(error)) from error
