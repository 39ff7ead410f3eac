"""Probes of subscriptions: a marked test alert goes out, signed like a real one, and its resolution after it."""

import os
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime

from schemas.configuration import Configuration, Subscription
from schemas.ids import derived_id
from schemas.settings import Settings
from services.commands.probing.probe import Probe, Wrong
from services.parts.addresses import origin
from services.parts.ingress.identity import new_event_id
from services.parts.notices.channels import Channels
from services.parts.notices.drill import drill
from services.parts.notices.failures import DeliveryFailed
from services.parts.notices.payload import console_line


def subscription_probes(
    configuration: Configuration,
    settings: Settings,
    timeout_s: float,
    environment: Mapping[str, str] = os.environ,
) -> Iterator[Probe]:
    """Yield a probe of each subscription."""
    for index, subscription in enumerate(configuration.subscriptions):
        app = subscription.apps[0] if subscription.apps else configuration.apps[0].name
        where = origin(subscription.url) if subscription.url else subscription.channel
        channels = Channels(settings.url("dashboard"), environment, timeout_s=timeout_s)
        yield Probe(f"subscription {subscription.name}", where, _Told(subscription, index, app, channels))


class _Told:
    def __init__(self, subscription: Subscription, index: int, app: str, channels: Channels) -> None:
        self._subscription, self._index, self._app, self._channels = subscription, index, app, channels

    def __call__(self) -> str:
        place = f"subscriptions[{self._index}]"
        drill_id = new_event_id()
        try:
            firing, resolved = drill(self._subscription, self._app, drill_id=drill_id, at=datetime.now(UTC))
        except ValueError as error:
            raise Wrong(f"{error}; mend {place}.severities") from error
        if self._subscription.channel == "console":
            return f"alerting prints lines like: {console_line(firing)}"
        with closing(self._channels) as channels:
            for alert in (firing, resolved):
                try:
                    channels.deliver([alert], self._subscription, derived_id("delivery", drill_id, alert.state))
                except DeliveryFailed as error:
                    which = "took the test alert but not its resolution: " if alert is resolved else ""
                    raise Wrong(which + self._advice(str(error), place)) from error
        return "took a test alert and its resolution"

    def _advice(self, reason: str, place: str) -> str:
        secret = self._subscription.secret_env
        if reason.startswith("the secret"):
            return f"{reason}; export it here and where `driftloop up` runs"
        if reason in ("answered 401", "answered 403"):
            known = (
                f"does it know the secret in {secret}?" if secret else "does it want a secret_env, or a key in its url?"
            )
            return f"{reason}; {known}"
        if reason.startswith("answered 5"):
            return f"{reason}; the receiver's own log says why"
        return f"{reason}; start it, or mend {place}.url"
