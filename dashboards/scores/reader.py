"""The questions of the Safety and Quality pages to the table `scores`. Every answer is small.

Sums rather than shares come out: schemas.weighted_rates makes rates with intervals of them, as the monitors do.
Scores of two versions of a scorer are never one row.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from dashboards.reader import BUCKET, RECENT, About, Span

_HERE = f"app = {{app:String}} AND variant != 'shadow' AND {RECENT}"
_SUMS = """
    count() AS count,
    sum(1 / sampling_probability) AS weight,
    sum(1 / pow(sampling_probability, 2)) AS weight_squared,
    sum(value / sampling_probability) AS total
"""
ROWS = 1000
EXAMPLES = 10
NAMES = 64


@dataclass(frozen=True, slots=True)
class ScoreReader:
    """Answers about the scores of one application within a span."""

    about: About
    span: Span

    def names(self) -> tuple[str, ...]:
        """Return the scores that were given or could not be given."""
        frame = self._ask(
            f"SELECT name FROM scores WHERE {_HERE} GROUP BY name ORDER BY name LIMIT {{names:UInt32}}",  # noqa: S608
            names=NAMES,
        )
        return tuple(frame["name"]) if len(frame) else ()

    def sums(self, names: Sequence[str]) -> pd.DataFrame:
        """Return the sums of each (name, scorer, adapter_version, label)."""
        return self._ask(
            f"""
            SELECT name, scorer, adapter_version, label, {_SUMS}
            FROM scores FINAL
            WHERE {_HERE} AND name IN {{names:Array(String)}} AND value IS NOT NULL
            GROUP BY name, scorer, adapter_version, label
            ORDER BY name, scorer, adapter_version, label
            LIMIT {{rows:UInt32}}
            """,  # noqa: S608  # constants
            names=list(names),
        )

    def over_time(self, name: str) -> pd.DataFrame:
        """Return the sums of each (at, scorer, adapter_version, label) of a score, the newest buckets of too many."""
        return self._ask(
            f"""
            SELECT toStartOfInterval(occurred_at, {BUCKET}) AS at, scorer, adapter_version, label, {_SUMS}
            FROM scores FINAL
            WHERE {_HERE} AND name = {{name:String}} AND value IS NOT NULL
            GROUP BY at, scorer, adapter_version, label
            ORDER BY at DESC, scorer, adapter_version, label
            LIMIT {{rows:UInt32}}
            """,  # noqa: S608  # constants
            name=name,
            bucket=max(self.span.bucket, self.span.minutes),
        )

    def categories(self, names: Sequence[str]) -> pd.DataFrame:
        """Return how many calls are estimated to be of each category, by score and scorer."""
        return self._ask(
            f"""
            SELECT category, name, scorer, count() AS count, sum(1 / sampling_probability) AS estimated
            FROM scores FINAL
            ARRAY JOIN JSONExtract(categories, 'Array(String)') AS category
            WHERE {_HERE} AND name IN {{names:Array(String)}}
            GROUP BY category, name, scorer
            ORDER BY estimated DESC, category, name, scorer
            LIMIT 100
            """,  # noqa: S608  # constants
            names=list(names),
        )

    def distribution(self, name: str) -> pd.DataFrame:
        """Return a histogram of a score's weighted values by version, twenty bins from the least to the greatest."""
        return self._ask(
            f"""
            WITH (
                SELECT (min(value), max(value)) FROM scores
                WHERE {_HERE} AND name = {{name:String}} AND value IS NOT NULL
            ) AS ends,
            if(ends.2 > ends.1, (ends.2 - ends.1) / 20, 1) AS width
            SELECT adapter_version, scorer,
                ends.1 + width * (least(floor((value - ends.1) / width), 19) + 0.5) AS middle,
                sum(1 / sampling_probability) AS estimated
            FROM scores FINAL
            WHERE {_HERE} AND name = {{name:String}} AND value IS NOT NULL
            GROUP BY adapter_version, scorer, middle
            ORDER BY adapter_version, scorer, middle
            LIMIT {{rows:UInt32}}
            """,  # noqa: S608  # constants
            name=name,
        )

    def examples(self, name: str, *, highest: bool) -> pd.DataFrame:
        """Return the calls at one end of a score, with their texts as they are stored."""
        order = "DESC" if highest else "ASC"
        found = self._ask(
            f"""
            SELECT occurred_at, request_id, adapter_version, variant, value, label, categories, scorer
            FROM scores FINAL
            WHERE {_HERE} AND name = {{name:String}} AND value IS NOT NULL
            ORDER BY value {order}, occurred_at DESC
            LIMIT {{examples:UInt32}}
            """,  # noqa: S608  # constants
            name=name,
            examples=EXAMPLES,
        )
        if found.empty:
            return found
        texts = self._ask(
            f"""
            SELECT request_id, adapter_version, variant, messages, output
            FROM responses FINAL
            WHERE {_HERE} AND request_id IN {{requests:Array(String)}}
            LIMIT {{rows:UInt32}}
            """,  # noqa: S608  # constants
            requests=list(found["request_id"]),
        )
        keys = ["request_id", "adapter_version", "variant"]
        return found.merge(texts.drop_duplicates(keys), on=keys, how="left")

    def health(self, names: Sequence[str]) -> pd.DataFrame:
        """Return what each version of each scorer judged and could not judge, how fast, and when."""
        return self._ask(
            f"""
            SELECT scorer,
                count() AS calls, countIf(judged) AS judged, calls - judged AS unjudged,
                avg(ms) AS mean_ms, quantile(0.95)(ms) AS p95_ms, sum(ms) / 1000 AS busy_s,
                calls / sum(1 / chance) AS mean_chance, min(chance) AS least_chance,
                sum(1 / chance) AS offered, min(at) AS first, max(at) AS last
            FROM (
                SELECT scorer, request_id, adapter_version, variant, max(occurred_at) AS at,
                    any(latency_ms) AS ms, any(sampling_probability) AS chance, countIf(value IS NOT NULL) > 0 AS judged
                FROM scores FINAL
                WHERE {_HERE} AND name IN {{names:Array(String)}}
                GROUP BY scorer, request_id, adapter_version, variant
            )
            GROUP BY scorer
            ORDER BY scorer
            LIMIT 200
            """,  # noqa: S608  # constants
            names=list(names),
        )

    def reasons(self, names: Sequence[str]) -> pd.DataFrame:
        """Return why calls were not judged, the most frequent reasons first."""
        return self._ask(
            f"""
            SELECT scorer, name, unjudged AS reason, count() AS calls
            FROM scores FINAL
            WHERE {_HERE} AND name IN {{names:Array(String)}} AND value IS NULL
            GROUP BY scorer, name, reason
            ORDER BY calls DESC, scorer, name
            LIMIT 50
            """,  # noqa: S608  # constants
            names=list(names),
        )

    def answered(self) -> int:
        """Return how many calls there were."""
        frame = self._ask(f"SELECT count() AS calls FROM responses FINAL WHERE {_HERE}")  # noqa: S608  # constants
        return int(frame["calls"].iloc[0]) if len(frame) else 0

    def sampling(self) -> pd.DataFrame:
        """Return the chances that hold now of each sampled scorer, and what it cost on the last day that it changed."""
        return self._ask(
            """
            SELECT scorer, avg(suspicious) AS suspicious, avg(rest) AS rest, sum(usd_today) AS usd_today,
                max(at) AS changed
            FROM (
                SELECT scorer, source_partition, argMax(suspicious, place) AS suspicious, argMax(rest, place) AS rest,
                    argMax(usd_today, place) AS usd_today, max(occurred_at) AS at
                FROM (SELECT *, (occurred_at, number) AS place FROM sampling_changes FINAL)
                WHERE app = {app:String} AND occurred_at >= now64(3) - INTERVAL 1 DAY
                GROUP BY scorer, source_partition
            )
            GROUP BY scorer
            ORDER BY scorer
            LIMIT 200
            """
        )

    def scorer_changes(self) -> pd.DataFrame:
        """Return when which scorer began to run with another version, and what that does to fixed texts."""
        return self._ask(
            f"""
            SELECT occurred_at AS at, scorer, previous_version, version, measures
            FROM scorer_changes FINAL
            WHERE {RECENT}
            ORDER BY at, scorer
            LIMIT {{rows:UInt32}}
            """  # noqa: S608  # constants
        )

    def _ask(self, sql: str, **parameters: object) -> pd.DataFrame:
        bound = {"app": self.about.app, "minutes": self.span.minutes, "bucket": self.span.bucket, "rows": ROWS}
        return self.about.reader.frame(sql, {**bound, **parameters})
