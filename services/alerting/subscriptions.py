"""Who hears of an alert, when a delivery is tried again, and when it is given up. Decisions only."""

from datetime import datetime, timedelta

from schemas.configuration import Subscription
from schemas.durations import parse_duration
from schemas.observations import AlertChanged

GIVE_UP_AFTER = timedelta(hours=24)
_FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=5)


def wants(subscription: Subscription, alert: AlertChanged) -> bool:
    """Tell whether a subscription is about an alert; one that names no apps is about all."""
    of_app = not subscription.apps or alert.app in subscription.apps
    return of_app and alert.severity in subscription.severities


def pause_after(failures: int) -> timedelta:
    """Return how long to wait after that many failures in a row: doubles from one second to LONGEST_PAUSE."""
    return min(_FIRST_PAUSE * 2 ** min(failures - 1, 16), LONGEST_PAUSE)


def repeat_at(subscription: Subscription, alert: AlertChanged, told_at: datetime) -> datetime | None:
    """Return when an alert told at `told_at` is told again, or None for never."""
    if alert.state != "firing" or not subscription.repeat_after:
        return None
    return told_at + parse_duration(subscription.repeat_after)
