"""The outbox: what is to be told to whom, kept in the control store. Each method is one transaction."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Row, and_, insert, select, update
from sqlalchemy.sql.elements import ColumnElement

from schemas.codec import encode
from schemas.configuration import Subscription
from schemas.ids import derived_id
from schemas.observations import AlertChanged, AlertDelivered
from schemas.record import Identifier
from services.alerting.subscriptions import repeat_at, retry_after, wants
from services.clients.store.deliveries import DELIVERIES as D

_MAX_ERROR = 256


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One alert's state on its way to one subscription.

    Attributes:
        round: 0 for the first telling, one more for each repetition.
        attempts: Failed attempts of this round so far.
    """

    subscription: Identifier
    alert: AlertChanged
    round: int
    attempts: int

    @property
    def id(self) -> str:
        """The same however often this telling is tried; receivers may drop what they have seen."""
        return derived_id("delivery", self.subscription, self.alert.alert_id, self.alert.state, self.round)


class Outbox:
    """Deliveries that wait, and outcomes that the bus has not been told of."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, alerts: Iterable[AlertChanged], subscriptions: Iterable[Subscription], now: datetime) -> None:
        """Add a row for each subscription that wants an alert. An alert that came before adds nothing.

        A resolution goes only to those who were to hear of the breach, and ends its repetitions.
        """
        listeners = tuple(subscriptions)
        for alert in alerts:
            for subscription in listeners:
                if wants(subscription, alert):
                    self._put(alert, subscription.name, now)

    def due(self, now: datetime) -> list[Delivery]:
        """Return what is to be tried now, the oldest first; a resolution waits for its breach to be told."""
        with self._engine.begin() as connection:
            rows = connection.execute(select(D).where(D.c.due_at <= now).order_by(D.c.due_at)).all()
            waiting = select(D.c.subscription, D.c.alert_id).where(
                and_(D.c.status == "waiting", D.c.alert_state == "firing")
            )
            blocked = {(row.subscription, row.alert_id) for row in connection.execute(waiting)}
        return [
            Delivery(
                subscription=row.subscription,
                alert=msgspec.json.decode(row.value, type=AlertChanged),
                round=row.round if row.status == "waiting" else row.round + 1,
                attempts=row.attempts if row.status == "waiting" else 0,
            )
            for row in rows
            if row.alert_state == "firing" or (row.subscription, row.alert_id) not in blocked
        ]

    def delivered(self, delivery: Delivery, subscription: Subscription, now: datetime) -> None:
        """The channel accepted it."""
        again = repeat_at(subscription, delivery.alert, now)
        self._settle(delivery, now, {"status": "delivered", "error": "", "due_at": again, "announced": False})

    def failed(self, delivery: Delivery, error: str, now: datetime, *, retry: bool = True) -> None:
        """The channel did not accept it: try later, or give up and keep the reason."""
        wait = retry_after(delivery.attempts + 1) if retry else None
        changed: dict[str, object]
        if wait is None:
            changed = {"status": "given_up", "due_at": None, "announced": False}
        else:
            changed = {"status": "waiting", "due_at": now + wait}
        self._settle(delivery, now, {"error": error[:_MAX_ERROR], **changed})

    def unannounced(self, channels: Mapping[str, str]) -> list[AlertDelivered]:
        """Return the outcomes that the bus may not have. Ids and times are those of the stored outcome.

        Args:
            channels: The channel of each subscription.
        """
        outcome = and_(D.c.announced.is_(False), D.c.status.in_(("delivered", "given_up")))
        with self._engine.begin() as connection:
            rows = connection.execute(select(D).where(outcome).order_by(D.c.updated_at)).all()
        return [_outcome(row, channels.get(row.subscription, "")) for row in rows]

    def announced(self, outcomes: Iterable[AlertDelivered]) -> None:
        """Remember that the bus has these outcomes; one that changed since stays to be told."""
        with self._engine.begin() as connection:
            for told in outcomes:
                at = _at(told.subscription, told.alert_id, told.alert_state)
                unchanged = and_(at, D.c.updated_at == told.occurred_at)
                connection.execute(update(D).where(unchanged).values(announced=True))

    def _put(self, alert: AlertChanged, subscription: str, now: datetime) -> None:
        row = {
            "subscription": subscription,
            "alert_id": alert.alert_id,
            "alert_state": alert.state,
            "value": encode(alert),
            "status": "waiting",
            "round": 0,
            "attempts": 0,
            "error": "",
            "due_at": now,
            "announced": False,
            "updated_at": now,
        }
        firing = _at(subscription, alert.alert_id, "firing")
        with self._engine.begin() as connection:
            if connection.execute(select(D).where(_at(subscription, alert.alert_id, alert.state))).first():
                return
            if alert.state == "resolved":
                if not connection.execute(select(D).where(firing)).first():
                    return
                connection.execute(update(D).where(and_(firing, D.c.status != "waiting")).values(due_at=None))
            connection.execute(insert(D).values(row))

    def _settle(self, delivery: Delivery, now: datetime, changed: dict[str, object]) -> None:
        at = _at(delivery.subscription, delivery.alert.alert_id, delivery.alert.state)
        values = {"round": delivery.round, "attempts": delivery.attempts + 1, "updated_at": now, **changed}
        with self._engine.begin() as connection:
            connection.execute(update(D).where(at).values(values))
            self._end_repetitions(connection, delivery)

    def _end_repetitions(self, connection: Connection, delivery: Delivery) -> None:
        # The resolution may have come in while this breach was on its way.
        resolved = select(D).where(_at(delivery.subscription, delivery.alert.alert_id, "resolved"))
        if delivery.alert.state == "firing" and connection.execute(resolved).first():
            told = and_(_at(delivery.subscription, delivery.alert.alert_id, "firing"), D.c.status != "waiting")
            connection.execute(update(D).where(told).values(due_at=None))


def _at(subscription: str, alert_id: str, state: str) -> ColumnElement[bool]:
    return and_(D.c.subscription == subscription, D.c.alert_id == alert_id, D.c.alert_state == state)


def _outcome(row: Row[Any], channel: str) -> AlertDelivered:
    alert = msgspec.json.decode(row.value, type=AlertChanged)
    return AlertDelivered(
        event_id=derived_id("alert-delivered", row.subscription, row.alert_id, row.alert_state, row.round),
        occurred_at=row.updated_at,
        app=alert.app,
        model=alert.model,
        adapter_version=alert.adapter_version,
        variant=alert.variant,
        tenant=alert.tenant,
        alert_id=row.alert_id,
        alert_state=alert.state,
        subscription=row.subscription,
        channel=channel,
        attempts=row.attempts,
        delivered=row.status == "delivered",
        error=row.error,
    )
