"""People's messengers, mail and phones, through Apprise: a title, and a line for each alert."""

import logging
from collections.abc import Sequence

import apprise

from schemas.observations import AlertChanged
from services.parts.notices.drill import is_drill
from services.parts.notices.failures import DeliveryFailed
from services.parts.notices.payload import console_line

_SHOWN = 20
# Its warnings name addresses, which hold keys; what failed is told by DeliveryFailed.
logging.getLogger("apprise").setLevel(logging.CRITICAL)


def notify(addresses: str, alerts: Sequence[AlertChanged], external_url: str) -> None:
    """Send alerts to all of Apprise's addresses.

    Args:
        addresses: In Apprise's form (its wiki lists them), between blanks or commas.

    Raises:
        DeliveryFailed: An address is of no kind that Apprise knows, or one did not take the message.
    """
    messenger = apprise.Apprise()
    if not messenger.add(addresses) or not len(messenger):
        raise DeliveryFailed("an address is none that Apprise knows")
    kind = apprise.NotifyType.SUCCESS if _over(alerts) else apprise.NotifyType.FAILURE
    if not messenger.notify(body=text(alerts, external_url), title=title(alerts), notify_type=kind):
        raise DeliveryFailed("a messenger did not take it")


def title(alerts: Sequence[AlertChanged]) -> str:
    """Return what a phone shows: how bad, what, and of which app."""
    first = alerts[0]
    test = "TEST " if is_drill(first) else ""
    if len(alerts) == 1:
        return f"{test}[{first.severity}] {first.monitor} on {first.app}: {first.state}"
    apps = sorted({alert.app for alert in alerts})
    return f"{test}{len(alerts)} alerts on {', '.join(apps[:3])}{' and others' if len(apps) > 3 else ''}"


def text(alerts: Sequence[AlertChanged], external_url: str) -> str:
    """Return a line an alert, of many the first, and where the dashboard is."""
    lines = [console_line(alert) for alert in alerts[:_SHOWN]]
    if len(alerts) > _SHOWN:
        lines.append(f"and {len(alerts) - _SHOWN} more")
    return "\n".join([*lines, external_url])


def _over(alerts: Sequence[AlertChanged]) -> bool:
    return all(alert.state == "resolved" for alert in alerts)
