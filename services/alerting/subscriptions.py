"""Who hears of an alert, when a delivery is tried again, and when it is given up. Decisions only."""

from datetime import datetime, timedelta

from schemas.configuration import Subscription
from schemas.durations import parse_duration
from schemas.observations import AlertChanged

GIVE_UP_AFTER = timedelta(hours=24)
_FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=5)
# Alertmanager's resolve_timeout is five minutes where nobody changed it.
_KEEP_ALIVE = timedelta(minutes=2)


def wants(subscription: Subscription, alert: AlertChanged) -> bool:
    """Tell whether a subscription is about an alert; one that names no apps is about all."""
    of_app = not subscription.apps or alert.app in subscription.apps
    return of_app and alert.severity in subscription.severities


def pause_after(failures: int) -> timedelta:
    """Return how long to wait after that many failures in a row: doubles from one second to LONGEST_PAUSE."""
    return min(_FIRST_PAUSE * (1 << min(failures - 1, 16)), LONGEST_PAUSE)


def together(subscription: Subscription) -> bool:
    """Tell whether many alerts may go to a receiver in one message; PagerDuty takes one event at a time."""
    return subscription.channel != "pagerduty"


def keeps_alive(subscription: Subscription) -> bool:
    """Tell whether a receiver takes an alert that it does not hear of again for resolved."""
    return subscription.channel == "alertmanager"


def repeat_at(subscription: Subscription, alert: AlertChanged, told_at: datetime) -> datetime | None:
    """Return when an alert told at `told_at` is told again, or None for never."""
    if alert.state != "firing":
        return None
    if keeps_alive(subscription):
        return told_at + _KEEP_ALIVE
    return told_at + parse_duration(subscription.repeat_after) if subscription.repeat_after else None
