"""What `driftloop status` knows: processes from the state file, lag from the broker, the rest from the warehouse."""

from collections.abc import Iterable

import msgspec

from schemas.learning import Route
from schemas.settings import Settings
from services.clients.bus.errors import BusError
from services.clients.bus.topics import Lag, consumer_lag
from services.clients.warehouse.client import Row, Warehouse, WarehouseError
from services.embedded.state import ProcessState, is_running, read_state

_LAST_ALERT = """
SELECT app, adapter_version, monitor, state, severity, summary, occurred_at
FROM alerts FINAL
ORDER BY occurred_at DESC
LIMIT 1
"""
_ROUTES = """
SELECT
    app,
    argMax(adapter_version, sequence) AS version,
    argMax(state, sequence) AS rollout,
    argMax(reason, sequence) AS reason,
    argMax(routes, sequence) AS routes
FROM rollouts FINAL
GROUP BY app
ORDER BY app
"""
_TRAININGS = """
SELECT
    app,
    argMax(adapter_version, (occurred_at, offset)) AS version,
    argMax(state, (occurred_at, offset)) AS state,
    argMax(detail, (occurred_at, offset)) AS detail,
    argMax(step, (occurred_at, offset)) AS step,
    argMax(steps, (occurred_at, offset)) AS steps
FROM training_changes FINAL
GROUP BY app
ORDER BY app
"""


class GroupLag(msgspec.Struct, frozen=True):
    """Messages of a topic that a group has not yet committed: in all, and by partition."""

    group: str
    topic: str
    lag: int
    partitions: dict[int, int]


class Learnt(msgspec.Struct, frozen=True):
    """Where an app's last training stands.

    Attributes:
        version: Empty where the order was declined.
        step: Of `steps`; both 0 while nothing is fitted.
    """

    app: str
    version: str
    state: str
    detail: str
    step: int
    steps: int


class Served(msgspec.Struct, frozen=True):
    """What answers an app's users, and where its last rollout stands.

    Attributes:
        version: Of the last rollout; empty is the base model.
        rollout: Its state.
        reason: Why it is in it.
    """

    app: str
    version: str
    rollout: str
    reason: str
    routes: tuple[Route, ...]


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """One look at the stack. `unknown` says which parts could not be asked, and why."""

    running: bool
    processes: tuple[ProcessState, ...] = ()
    lag: tuple[GroupLag, ...] = ()
    last_alert: Row | None = None
    learnt: tuple[Learnt, ...] = ()
    served: tuple[Served, ...] = ()
    unknown: tuple[str, ...] = ()


def look(settings: Settings) -> Status:
    """Ask everyone; who doesn't answer is named in `unknown`."""
    running = is_running(settings.data)
    state = read_state(settings.data)
    unknown: list[str] = []
    lag: tuple[GroupLag, ...] = ()
    learnt: tuple[Learnt, ...] = ()
    served: tuple[Served, ...] = ()
    alert: Row | None = None
    try:
        lag = lag_by_group(consumer_lag(settings))
    except BusError as error:
        unknown.append(f"lag: broker: {error}")
    try:
        with Warehouse.connect(settings) as warehouse:
            alert = next(iter(warehouse.query(_LAST_ALERT)), None)
            learnt = tuple(msgspec.convert(row, Learnt) for row in warehouse.query(_TRAININGS))
            served = tuple(_served(row) for row in warehouse.query(_ROUTES))
    except WarehouseError as error:
        unknown.append(f"alerts and versions: warehouse: {type(error).__name__}")
    return Status(
        running=running,
        processes=state.processes if state and running else (),
        lag=lag,
        last_alert=alert,
        learnt=learnt,
        served=served,
        unknown=tuple(unknown),
    )


def lag_by_group(lags: Iterable[Lag]) -> tuple[GroupLag, ...]:
    """Return the lag of each group on each topic, sorted by both."""
    found: dict[tuple[str, str], dict[int, int]] = {}
    for entry in lags:
        found.setdefault((entry.group, entry.topic), {})[entry.partition] = entry.lag
    return tuple(
        GroupLag(group, topic, sum(partitions.values()), dict(sorted(partitions.items())))
        for (group, topic), partitions in sorted(found.items())
    )


def _served(row: Row) -> Served:
    return msgspec.convert({**row, "routes": msgspec.json.decode(row["routes"])}, Served)
