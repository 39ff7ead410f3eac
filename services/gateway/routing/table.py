"""Which version answers which call. Pure: a routing table and a point in [0, 1) decide.

The point comes from the app and the user (or session), never from the rollout, and the canary owns
the interval from 0 up to its weight. So a user of the canary at 5 % is one at 25 %, too.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from schemas.learning import RolloutChanged, Route

BASE = Route(adapter_version="", variant="stable", weight=1.0)
_ORDER = {"canary": 0, "stable": 1}
_RANGE = float(1 << 53)


@dataclass(frozen=True, slots=True)
class RoutingTable:
    """Who answers an app's calls, canary first, and who gets copies of them."""

    answering: tuple[Route, ...] = (BASE,)
    shadows: tuple[Route, ...] = ()

    @property
    def only(self) -> Route | None:
        """The route that answers everybody; None where there is a choice."""
        return self.answering[0] if len(self.answering) == 1 and self.answering[0].weight > 0 else None

    @property
    def stable(self) -> Route:
        """The route that answers whom no canary answers."""
        return next((route for route in self.answering if route.variant == "stable"), BASE)


def table_of(changed: RolloutChanged) -> RoutingTable:
    """Return the routing table in a RolloutChanged that has one."""
    answering = sorted((r for r in changed.routes if r.variant in _ORDER), key=lambda r: _ORDER[r.variant])
    return RoutingTable(tuple(answering) or (BASE,), tuple(r for r in changed.routes if r.variant == "shadow"))


def newest(known: Mapping[str, RolloutChanged], changes: Iterable[RolloutChanged]) -> dict[str, RolloutChanged]:
    """Return the last change of each app by sequence, so that replays and repeats change nothing.

    A change without an answering route says nothing about who serves, and is passed over: no event
    may take away an app's version without naming its successor.
    """
    latest = dict(known)
    for change in changes:
        answers = any(route.variant in _ORDER for route in change.routes)
        if answers and (change.app not in latest or change.sequence > latest[change.app].sequence):
            latest[change.app] = change
    return latest


def point(*parts: str) -> float:
    """Return a number in [0, 1), evenly spread, the same for the same parts on every machine."""
    digest = hashlib.blake2b("\0".join(parts).encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / _RANGE


def choose(table: RoutingTable, at: float) -> Route:
    """Return the route that owns the point `at` of [0, 1). Weights that don't sum to 1 are scaled."""
    bound = at * sum(route.weight for route in table.answering)
    reached = 0.0
    for route in table.answering:
        reached += route.weight
        if bound < reached:
            return route
    return table.stable


def mirrored(table: RoutingTable, at: float) -> tuple[Route, ...]:
    """Return the shadows that get a copy of the call at this point."""
    return tuple(route for route in table.shadows if at < route.mirror)
