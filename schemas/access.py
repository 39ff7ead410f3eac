"""Keys of those who may come in: what one allows, until when, and what it has used. Nothing here is secret."""

import math
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Literal, get_args

Scope = Literal["infer", "ingest", "feedback", "operate", "read"]
"""Calls of models; events and traces from elsewhere; judgements; operators' orders; /metrics."""
SCOPES: tuple[Scope, ...] = get_args(Scope)
OF_AN_APP: frozenset[Scope] = frozenset({"infer", "feedback"})
"""Scopes that mean an app: a key for all of them has to be asked for."""
State = Literal["active", "expired", "revoked"]


@dataclass(frozen=True, slots=True)
class KeyLimits:
    """How much a key may use; None is no bound. Months are UTC's.

    Raises:
        ValueError: A bound is no number above 0.
    """

    requests_per_minute: int | None = None
    tokens_per_month: int | None = None
    usd_per_month: float | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ValueError(f"{field.name}: not a number above 0: {value}")

    @property
    def of_month(self) -> bool:
        """Whether anything bounds a month."""
        return self.tokens_per_month is not None or self.usd_per_month is not None


UNLIMITED = KeyLimits()


@dataclass(frozen=True, slots=True)
class Spent:
    """What a key has used in a month."""

    requests: int = 0
    tokens: int = 0
    usd: float = 0.0

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(self.requests + other.requests, self.tokens + other.tokens, self.usd + other.usd)

    def __sub__(self, other: "Spent") -> "Spent":
        return Spent(self.requests - other.requests, self.tokens - other.tokens, self.usd - other.usd)


NOTHING = Spent()


@dataclass(frozen=True, slots=True)
class AccessKey:
    """One key.

    Attributes:
        key_id: Its public part, by which it is listed and revoked.
        app: Empty for all apps.
        tenant: Of everything that comes in by it, whatever a header or a body says; empty leaves it to them.
    """

    key_id: str
    name: str
    app: str
    tenant: str
    scopes: frozenset[Scope]
    created_at: datetime
    limits: KeyLimits = UNLIMITED
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def state(self, now: datetime) -> State:
        """Return whether it opens anything now, or why it does not."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "active"


def month_of(now: datetime) -> str:
    """Return the month of an instant, e.g. 2026-01."""
    return f"{now.year:04}-{now.month:02}"


def next_month(now: datetime) -> datetime:
    """Return the first instant of the month after."""
    year, month = (now.year + 1, 1) if now.month == 12 else (now.year, now.month + 1)
    return now.replace(year=year, month=month, day=1, hour=0, minute=0, second=0, microsecond=0)
