"""When everything of a run of tests.bench.faults has reached the tables."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from schemas.settings import Settings
from services.clients.bus.errors import BusError
from services.clients.bus.topics import consumer_lag
from services.clients.warehouse.client import Warehouse, WarehouseError

CAUGHT_UP_GROUPS = frozenset({"functional", "sink"})
STABLE_S = 20.0
PATIENCE_S = 600.0
_TABLES = ("responses", "feedback", "scores", "metric_windows", "drift_measurements", "alerts", "retrainings")


@dataclass(frozen=True, slots=True)
class Settled:
    """Whether nothing moved any more in the end, and how long it took until then."""

    settled: bool
    seconds: float


def wait_until_settled(settings: Settings, tick: Callable[[], None]) -> Settled:
    """Wait until nothing has changed for STABLE_S; keep processes alive by `tick` meanwhile.

    Windows close some seconds after the traffic, alerts follow windows: hence the stability. Monitors and
    drift keep what they may need again, so their lag never ends and says nothing.
    """
    began = changed_at = time.monotonic()
    seen: tuple[int, ...] = ()
    while (now := time.monotonic()) - began < PATIENCE_S:
        tick()
        found = _state(settings)
        if found != seen or not found or found[0]:
            seen, changed_at = found, now
        elif now - changed_at > STABLE_S:
            return Settled(True, changed_at - began)
        time.sleep(1)
    return Settled(False, PATIENCE_S)


def _state(settings: Settings) -> tuple[int, ...]:
    """Return the lag that must vanish and how much each table holds; nothing while that can't be told."""
    with suppress(BusError, WarehouseError), Warehouse.connect(settings) as warehouse:
        lag = sum(lag.lag for lag in consumer_lag(settings) if lag.group in CAUGHT_UP_GROUPS)
        counts = [warehouse.query(f"SELECT uniqExact(offset, partition) AS n FROM {table}") for table in _TABLES[3:]]
        return lag, *(int(rows[0]["n"]) for rows in counts)
    return ()
