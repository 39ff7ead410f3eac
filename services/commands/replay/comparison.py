"""Two databases compared by SQL: what the warehouse holds, and what came out of the replay.

Of windows only the partial counts that every reader believes (schemas.partials). Columns that say where a
message stood and when it was stored are no part of it, nor is how many series were reported beside a window's:
a report that a restart repeats may have fewer beside it, and the same id. Sequential detectors depend on
everything that was ever observed: after a warm-up neither they nor alerts on them are compared.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from schemas.tables import PLACE_COLUMNS, TABLE_BY_NAME
from services.clients.warehouse.client import Row, Warehouse

MOST_SHOWN = 20
_SERIES = ("app", "adapter_version", "variant", "tenant")
_SHOWN_CHARACTERS = 80
_REPORTED = frozenset({*PLACE_COLUMNS, "series_count"})


@dataclass(frozen=True, slots=True)
class Kind:
    """Something that is compared.

    Attributes:
        key: What makes two rows the same conclusion.
        believed: How several rows of one key are put in order, the one to believe first.
        lasting: Which rows do not depend on all that went before.
    """

    name: str
    table: str
    key: tuple[str, ...]
    believed: str = "`offset` DESC"
    lasting: str = "1"

    @property
    def columns(self) -> tuple[str, ...]:
        """What is compared."""
        return tuple(name for name in TABLE_BY_NAME[self.table].column_names if name not in _REPORTED)


KINDS = (
    Kind(
        "windows",
        "metric_windows",
        (*_SERIES, "window_start", "source_topic", "source_partition"),
        "first_offset, last_offset DESC",
    ),
    Kind("drift", "drift_measurements", ("event_id",), lasting="method = 'PopulationStability'"),
    Kind("alerts", "alerts", ("event_id",), lasting=r"NOT match(metric, '[.](adwin|page_hinkley|e_detector)$')"),
)


class Account(msgspec.Struct, frozen=True):
    """How many rows of a kind there are, by how they compare."""

    kind: str
    identical: int = 0
    only_in_warehouse: int = 0
    only_in_replay: int = 0
    different: int = 0

    @property
    def rows(self) -> int:
        """All of them."""
        return self.identical + self.differing

    @property
    def differing(self) -> int:
        """Those that are not the same in both."""
        return self.only_in_warehouse + self.only_in_replay + self.different


class Difference(msgspec.Struct, frozen=True):
    """A value, or a whole row, that the warehouse and the replay do not agree on.

    Attributes:
        window: Start and end.
        field: The column; "row" where one of them lacks it.
    """

    kind: str
    series: str
    window: str
    field: str
    warehouse: str
    replay: str


class Comparison:
    """The live database and the scratch one, over the windows that end within some bounds.

    Args:
        bounds: `since` and `until`, Unix milliseconds; `until` is no part of it.
        whole: Whether the replay began where the log did.
    """

    def __init__(
        self, warehouse: Warehouse, live: str, scratch: str, *, bounds: Mapping[str, int], whole: bool
    ) -> None:
        self._warehouse = warehouse
        self._whole = whole
        self._databases = {"live": live, "replay": scratch}
        self._bounds = bounds

    def account(self, kind: Kind) -> Account:
        """Return how the rows of a kind compare."""
        sql = f"""
SELECT live, replayed, same, count() AS n
FROM ({self._by_key(kind)})
GROUP BY live, replayed, same
"""  # noqa: S608  # names from the catalogue
        counts = {"identical": 0, "only_in_warehouse": 0, "only_in_replay": 0, "different": 0}
        for row in self._warehouse.query(sql, self._bounds):
            counts[_verdict(row)] += row["n"]
        return Account(kind.name, **counts)

    def differences(self, kind: Kind) -> list[Difference]:
        """Return what differs in the first MOST_SHOWN rows that do, in order of their windows."""
        sql = f"""
SELECT *
FROM ({self._by_key(kind)})
WHERE NOT (live AND replayed AND same)
ORDER BY at, {", ".join(f"key_{name}" for name in kind.key)}
LIMIT {MOST_SHOWN}
"""  # noqa: S608  # as above
        return [found for row in self._warehouse.query(sql, self._bounds) for found in _differences_in(kind, row)]

    def _by_key(self, kind: Kind) -> str:
        """Return the query of one row a key: who has it, whether both have the same, and each one's values."""
        values = ",\n    ".join(
            f"anyIf({column}, side = '{side}') AS {side}_{column}"
            for side in self._databases
            for column in kind.columns
        )
        sides = [
            _side(side, kind, database, "1" if self._whole else kind.lasting)
            for side, database in self._databases.items()
        ]
        return f"""
SELECT
    {", ".join(f"{name} AS key_{name}" for name in kind.key)},
    min(window_end) AS at,
    countIf(side = 'live') > 0 AS live,
    countIf(side = 'replay') > 0 AS replayed,
    uniqExact(toJSONString(tuple({", ".join(kind.columns)}))) = 1 AS same,
    {values}
FROM ({" UNION ALL ".join(sides)})
GROUP BY {", ".join(kind.key)}
"""  # noqa: S608  # as above


def _side(side: str, kind: Kind, database: str, which: str) -> str:
    return f"""
SELECT '{side}' AS side, {", ".join(kind.columns)}
FROM `{database}`.{kind.table} FINAL
WHERE window_end >= fromUnixTimestamp64Milli({{since:Int64}}, 'UTC')
    AND window_end < fromUnixTimestamp64Milli({{until:Int64}}, 'UTC')
    AND {which}
ORDER BY {kind.believed}
LIMIT 1 BY {", ".join(kind.key)}
"""  # noqa: S608  # as above


def _verdict(row: Row) -> str:
    if row["live"] and row["replayed"]:
        return "identical" if row["same"] else "different"
    return "only_in_warehouse" if row["live"] else "only_in_replay"


def _differences_in(kind: Kind, row: Row) -> Iterator[Difference]:
    side = "live" if row["live"] else "replay"
    series = "/".join(str(row[f"{side}_{name}"]) or "-" for name in _SERIES)
    about = [str(row[f"{side}_{name}"]) for name in ("monitor", "state", "metric", "method") if name in kind.columns]
    window = f"{row.get(f'{side}_window_start', row[f'{side}_window_end'])} to {row[f'{side}_window_end']}"
    where = (kind.name, " ".join([series, *about]), window)
    if not (row["live"] and row["replayed"]):
        yield Difference(*where, "row", *(("there", "missing") if row["live"] else ("missing", "there")))
        return
    for column in kind.columns:
        values = row[f"live_{column}"], row[f"replay_{column}"]
        if values[0] != values[1]:
            yield Difference(*where, column, *_shown(*map(str, values)))


def _shown(one: str, other: str) -> Sequence[str]:
    """Return two texts, cut to where they begin to differ if they are long."""
    if max(len(one), len(other)) <= _SHOWN_CHARACTERS:
        return one, other
    at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    begin = max(0, at - 20)
    return [("…" if begin else "") + text[begin : begin + _SHOWN_CHARACTERS] for text in (one, other)]
