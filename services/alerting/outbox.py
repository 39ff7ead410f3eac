"""The outbox: what is to be told to whom, kept in the control store. Each method is one transaction."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import BindParameter, Connection, Engine, Exists, Row, Select, and_, bindparam, insert, select, update
from sqlalchemy.sql.elements import ColumnElement

from schemas.codec import encode
from schemas.configuration import Subscription
from schemas.ids import derived_id
from schemas.observations import AlertChanged, AlertDelivered
from services.alerting.posts import Delivery, Post
from services.alerting.subscriptions import GIVE_UP_AFTER, keeps_alive, pause_after, repeat_at, wants
from services.clients.store.deliveries import DELIVERIES as D

DIGEST_FROM = 20
LARGEST_DIGEST = 1000
_MAX_ERROR = 256
_MOST_OUTCOMES = 1000
_IDS_AT_ONCE = 500


class Outbox:
    """Deliveries that wait, and outcomes that the bus has not been told of."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, alerts: Iterable[AlertChanged], subscriptions: Iterable[Subscription], now: datetime) -> None:
        """Add a row for each subscription that wants an alert. An alert that came before adds nothing.

        A resolution goes only to those who were to hear of the breach, and ends its repetitions.
        """
        listeners, told = tuple(subscriptions), tuple(alerts)
        with self._engine.begin() as connection:
            kept = _kept(connection, told)
            rows = list[dict[str, object]]()
            for alert in told:
                for subscription in listeners:
                    key, breach = ((subscription.name, alert.alert_id, state) for state in (alert.state, "firing"))
                    if wants(subscription, alert) and key not in kept and (alert.state == "firing" or breach in kept):
                        kept.add(key)
                        rows.append(_row(alert, subscription.name, now))
            if rows:
                connection.execute(insert(D), rows)
                _end_repetitions(connection)

    def listeners(self, now: datetime) -> tuple[str, ...]:
        """Return the subscriptions for which something is due."""
        with self._engine.begin() as connection:
            return tuple(connection.scalars(select(D.c.subscription).distinct().where(D.c.due_at <= now)))

    def claim(self, subscription: str, now: datetime, *, digest: bool = True) -> tuple[Post, ...]:
        """Return what a subscription is to be told now, the oldest first; a resolution waits for its breach to be told.

        From DIGEST_FROM deliveries on they are one digest, of at most LARGEST_DIGEST. What is in it is kept, so
        that after a crash the same digest goes out under the same id.

        Args:
            digest: Whether it may be one.
        """
        with self._engine.begin() as connection:
            rows = connection.execute(_due(subscription, now)).all()
            if not rows:
                return ()
            batch = rows[0].batch
            if batch:
                rows = connection.execute(select(D).where(D.c.batch == batch).order_by(D.c.due_at, D.c.alert_id)).all()
            else:
                rows = [row for row in rows if not row.batch]
            deliveries = tuple(_delivery(row) for row in rows)
            if digest and not batch and len(deliveries) >= DIGEST_FROM:
                batch = derived_id("digest", *(delivery.id for delivery in deliveries))
                _change(connection, deliveries, [{"batch": batch}] * len(deliveries))
        if batch:
            return (Post(id=batch, batch=batch, deliveries=deliveries),)
        return tuple(Post(id=delivery.id, deliveries=(delivery,)) for delivery in deliveries[:DIGEST_FROM])

    def delivered(self, post: Post, subscription: Subscription, now: datetime) -> None:
        """The channel accepted it."""
        changes = list[dict[str, object]]()
        for delivery in post.deliveries:
            again = repeat_at(subscription, delivery.alert, now)
            changed = {"status": "delivered", "error": "", "due_at": again, "since": again, "batch": ""}
            changes.append({**changed, "announced": keeps_alive(subscription) and delivery.round > 0})
        with self._engine.begin() as connection:
            _settle(connection, post, now, changes)

    def failed(self, post: Post, error: str, now: datetime, *, retry: bool = True) -> None:
        """The channel did not accept it: try later, or after GIVE_UP_AFTER give up and keep the reason."""
        changes = list[dict[str, object]]()
        for delivery in post.deliveries:
            if retry and now < delivery.since + GIVE_UP_AFTER:
                due_at = now + pause_after(delivery.attempts + 1)
                changes.append({"status": "waiting", "due_at": due_at, "since": delivery.since, "batch": post.batch})
            else:
                changes.append({"status": "given_up", "due_at": None, "since": None, "batch": ""})
        with self._engine.begin() as connection:
            _settle(connection, post, now, [{"error": error[:_MAX_ERROR], **changed} for changed in changes])

    def unannounced(self, channels: Mapping[str, str]) -> list[AlertDelivered]:
        """Return the outcomes that the bus may not have, some at a time. Ids and times are those of the stored outcome.

        Args:
            channels: The channel of each subscription.
        """
        outcome = and_(D.c.announced.is_(False), D.c.status.in_(("delivered", "given_up")))
        oldest = select(D).where(outcome).order_by(D.c.updated_at).limit(_MOST_OUTCOMES)
        with self._engine.begin() as connection:
            rows = connection.execute(oldest).all()
        return [_outcome(row, channels.get(row.subscription, "")) for row in rows]

    def announced(self, outcomes: Iterable[AlertDelivered]) -> None:
        """Remember that the bus has these outcomes; one that changed since stays to be told."""
        with self._engine.begin() as connection:
            for told in outcomes:
                at = _at(told.subscription, told.alert_id, told.alert_state)
                unchanged = and_(at, D.c.updated_at == told.occurred_at)
                connection.execute(update(D).where(unchanged).values(announced=True))


def _due(subscription: str, now: datetime) -> Select[Any]:
    untold = _other_state("firing", status="waiting")
    ready = and_(D.c.subscription == subscription, D.c.due_at <= now, (D.c.alert_state == "firing") | ~untold)
    return select(D).where(ready).order_by(D.c.due_at, D.c.alert_id).limit(LARGEST_DIGEST)


def _kept(connection: Connection, alerts: Sequence[AlertChanged]) -> set[tuple[str, str, str]]:
    """Return subscription, alert and state of what the outbox has of these alerts."""
    found = set[tuple[str, str, str]]()
    for start in range(0, len(alerts), _IDS_AT_ONCE):
        ids = [alert.alert_id for alert in alerts[start : start + _IDS_AT_ONCE]]
        keys = select(D.c.subscription, D.c.alert_id, D.c.alert_state).where(D.c.alert_id.in_(ids))
        found.update((row.subscription, row.alert_id, row.alert_state) for row in connection.execute(keys))
    return found


def _row(alert: AlertChanged, subscription: str, now: datetime) -> dict[str, object]:
    return {
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
        "since": now,
        "batch": "",
    }


def _settle(connection: Connection, post: Post, now: datetime, changes: Iterable[dict[str, object]]) -> None:
    values = [
        {"round": delivery.round, "attempts": delivery.attempts + 1, "updated_at": now, "announced": False, **changed}
        for delivery, changed in zip(post.deliveries, changes, strict=True)
    ]
    _change(connection, post.deliveries, values)
    # The resolution may have come in while this breach was on its way.
    _end_repetitions(connection)


def _change(connection: Connection, deliveries: Iterable[Delivery], values: Sequence[dict[str, object]]) -> None:
    at = _at(bindparam("at_subscription"), bindparam("at_alert"), bindparam("at_state"))
    changed = update(D).where(at).values({name: bindparam(f"new_{name}") for name in values[0]})
    rows = [
        {
            "at_subscription": delivery.subscription,
            "at_alert": delivery.alert.alert_id,
            "at_state": delivery.alert.state,
            **{f"new_{name}": value for name, value in new.items()},
        }
        for delivery, new in zip(deliveries, values, strict=True)
    ]
    connection.execute(changed, rows)


def _end_repetitions(connection: Connection) -> None:
    """What is resolved is not told again."""
    repeating = and_(D.c.alert_state == "firing", D.c.status != "waiting", D.c.due_at.is_not(None))
    connection.execute(update(D).where(repeating, _other_state("resolved")).values(due_at=None))


def _other_state(state: str, **columns: str) -> Exists:
    """Return whether a row's alert has a row of that state for the same subscription, with these columns."""
    other = D.alias()
    same = (other.c.subscription == D.c.subscription, other.c.alert_id == D.c.alert_id)
    rest = (other.c[name] == value for name, value in columns.items())
    return select(other.c.round).where(*same, other.c.alert_state == state, *rest).exists()


def _at(
    subscription: str | BindParameter[str], alert_id: str | BindParameter[str], state: str | BindParameter[str]
) -> ColumnElement[bool]:
    return and_(D.c.subscription == subscription, D.c.alert_id == alert_id, D.c.alert_state == state)


def _delivery(row: Row[Any]) -> Delivery:
    waits = row.status == "waiting"
    return Delivery(
        subscription=row.subscription,
        alert=msgspec.json.decode(row.value, type=AlertChanged),
        round=row.round if waits else row.round + 1,
        attempts=row.attempts if waits else 0,
        since=row.since,
    )


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
