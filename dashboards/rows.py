"""The loop's tables of one app as the Loop page needs them, and the nested values that rows hold as JSON."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from schemas.learning import GateReport, Lineage, Route

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of each table, oldest first.

    Attributes:
        training_changes: The last row of each job in each state.
        drifts: Measurements that said drift.
    """

    alerts: tuple[Row, ...] = ()
    deliveries: tuple[Row, ...] = ()
    retrainings: tuple[Row, ...] = ()
    training_changes: tuple[Row, ...] = ()
    proposals: tuple[Row, ...] = ()
    adapters: tuple[Row, ...] = ()
    orders: tuple[Row, ...] = ()
    rollouts: tuple[Row, ...] = ()
    drifts: tuple[Row, ...] = ()


def where(rows: Iterable[Row], column: str, value: str) -> list[Row]:
    """Return the rows with a value in a column, in their order."""
    return [row for row in rows if row[column] == value]


def lineage_of(adapter: Row) -> Lineage:
    """Return the lineage of an adapters row."""
    return msgspec.json.decode(adapter["lineage"], type=Lineage)


def gate_of(adapter: Row) -> GateReport:
    """Return the gate's report of an adapters row."""
    return msgspec.json.decode(adapter["gate"], type=GateReport)


def routes_of(rollout: Row) -> tuple[Route, ...]:
    """Return the routing table of a rollouts row."""
    return msgspec.json.decode(rollout["routes"], type=tuple[Route, ...])


def figures_of(rollout: Row) -> dict[str, float]:
    """Return the figures behind a rollouts row."""
    return msgspec.json.decode(rollout["evidence"], type=dict[str, float])


def canary_share(rollout: Row) -> float:
    """Return the share of users that a rollouts row gives to the canary."""
    return max((route.weight for route in routes_of(rollout) if route.variant == "canary"), default=0.0)
