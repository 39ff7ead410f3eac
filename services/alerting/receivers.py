"""How the receivers fare: one that fails is left alone for a while, and one that stays away is itself told of."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Engine, Row, delete, insert, select, update

from schemas.configuration import Subscription
from schemas.ids import derived_id
from schemas.observations import AlertChanged
from services.alerting.subscriptions import pause_after
from services.clients.store.deliveries import RECEIVERS as R

AWAY_AFTER = timedelta(minutes=5)
_LONGEST_WISH = timedelta(hours=1)


class Receiver(msgspec.Struct, frozen=True, kw_only=True):
    """A receiver that fails.

    Attributes:
        failures: Posts that it did not take, in a row.
        due_at: Before this it is not to be tried.
        told_away: Whether others were told that it stays away.
    """

    subscription: str
    failures: int
    failing_since: datetime
    due_at: datetime
    told_away: bool

    def away(self, now: datetime) -> bool:
        """Tell whether it has been away for AWAY_AFTER."""
        return now - self.failing_since >= AWAY_AFTER

    def notice(self, now: datetime, *, back: bool = False) -> AlertChanged:
        """Return the alert that this receiver stays away, or that it is back; the same id for one absence."""
        alert_id = derived_id("receiver-away", self.subscription, self.failing_since.isoformat())
        state = "resolved" if back else "firing"
        since = self.failing_since.strftime("%Y-%m-%d %H:%M:%S UTC")
        said = f"takes alerts again, after none since {since}" if back else f"has taken no alert since {since}"
        return AlertChanged(
            event_id=f"{alert_id}-{state}",
            occurred_at=now,
            app="*",
            alert_id=alert_id,
            monitor="receiver-away",
            state="resolved" if back else "firing",
            severity="critical",
            metric="alerting.receiver_away",
            comparison="above",
            threshold=AWAY_AFTER.total_seconds(),
            value=(now - self.failing_since).total_seconds(),
            count=self.failures,
            breached_at=self.failing_since,
            window_end=now,
            summary=f"the receiver of subscription {self.subscription} {said}; alerts wait for it for 24 hours",
        )


class Receivers:
    """The receivers that fail, kept in the control store."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def failing(self) -> dict[str, Receiver]:
        """Return those that did not take the last post that they were sent, by subscription."""
        with self._engine.begin() as connection:
            return {row.subscription: _receiver(row) for row in connection.execute(select(R))}

    def failed(self, subscription: str, now: datetime, wish: timedelta | None = None) -> None:
        """It did not take a post.

        Args:
            wish: How long it asked to be left alone (Retry-After); more than an hour is taken for an hour.
        """
        pause = min(wish or timedelta(), _LONGEST_WISH)
        here = R.c.subscription == subscription
        with self._engine.begin() as connection:
            failures = connection.scalar(select(R.c.failures).where(here))
            if failures is None:
                values = {"subscription": subscription, "failing_since": now, "told_away": False}
                connection.execute(insert(R).values({**values, "failures": 0}))
            count = (failures or 0) + 1
            due_at = now + max(pause_after(count), pause)
            connection.execute(update(R).where(here).values(failures=count, due_at=due_at))

    def told(self, subscription: str) -> None:
        """Others were told that it stays away."""
        with self._engine.begin() as connection:
            connection.execute(update(R).where(R.c.subscription == subscription).values(told_away=True))

    def recovered(self, subscription: str) -> None:
        """It took a post, or is no receiver any more."""
        with self._engine.begin() as connection:
            connection.execute(delete(R).where(R.c.subscription == subscription))


def others(subscriptions: Iterable[Subscription], away: str) -> list[Subscription]:
    """Return who is told that a receiver stays away: all others, whatever their apps and severities."""
    return [
        msgspec.structs.replace(subscription, apps=(), severities=("critical",))
        for subscription in subscriptions
        if subscription.name != away
    ]


def _receiver(row: Row[Any]) -> Receiver:
    return Receiver(
        subscription=row.subscription,
        failures=row.failures,
        failing_since=row.failing_since,
        due_at=row.due_at,
        told_away=row.told_away,
    )
