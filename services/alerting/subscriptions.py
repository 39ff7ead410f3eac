"""Who hears of an alert, and when a delivery is tried again. Decisions only."""

from datetime import datetime, timedelta

from schemas.configuration import Subscription
from schemas.durations import parse_duration
from schemas.observations import AlertChanged

MAX_ATTEMPTS = 8
_FIRST_RETRY = timedelta(seconds=1)
_LONGEST_RETRY = timedelta(minutes=1)


def wants(subscription: Subscription, alert: AlertChanged) -> bool:
    """Tell whether a subscription is about an alert; one that names no apps is about all."""
    of_app = not subscription.apps or alert.app in subscription.apps
    return of_app and alert.severity in subscription.severities


def retry_after(attempts: int) -> timedelta | None:
    """Return how long to wait after that many failed attempts, or None to give up.

    Doubles from one second to one minute; with MAX_ATTEMPTS it gives up after about two minutes.
    """
    if attempts >= MAX_ATTEMPTS:
        return None
    doubled: timedelta = _FIRST_RETRY * (1 << (attempts - 1))
    return min(doubled, _LONGEST_RETRY)


def repeat_at(subscription: Subscription, alert: AlertChanged, told_at: datetime) -> datetime | None:
    """Return when an alert told at `told_at` is told again, or None for never."""
    if alert.state != "firing" or not subscription.repeat_after:
        return None
    return told_at + parse_duration(subscription.repeat_after)
