"""Where alerts go: a signed webhook, an on-call system, a messenger, or a line on the console."""

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

import httpx

from schemas.configuration import Subscription
from schemas.observations import AlertChanged
from services.parts.addresses import unreached
from services.parts.notices.failures import DeliveryFailed
from services.parts.notices.messengers import notify
from services.parts.notices.pagers import PAGERDUTY_URL, alertmanager_alerts, pagerduty_event
from services.parts.notices.payload import console_line, json_bytes, webhook_body
from services.parts.notices.signature import HEADER, signed

TIMEOUT_S = 5.0
DELIVERY_HEADER = "X-Driftloop-Delivery"
_DIGITS = 9


class Channels:
    """Delivers one alert, or a digest of many, to one subscription. Safe to share between threads.

    Args:
        external_url: Where a receiver finds the dashboard.
        environment: Holds the secrets.
        clock: Unix seconds, for signatures.
        timeout_s: How long a receiver may take.
    """

    def __init__(
        self,
        external_url: str,
        environment: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.time,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._external_url = external_url
        self._environment = environment
        self._clock = clock
        self._client = httpx.Client(timeout=timeout_s)

    def deliver(self, alerts: Sequence[AlertChanged], subscription: Subscription, delivery_id: str) -> None:
        """Hand alerts to a subscription's channel at once; receivers may drop a delivery id that they have seen.

        Raises:
            DeliveryFailed: Not taken in time, or the secret is missing.
        """
        match subscription.channel:
            case "console":
                print("\n".join(console_line(alert) for alert in alerts), file=sys.stdout, flush=True)
            case "webhook":
                body = webhook_body(alerts, subscription.name, self._external_url)
                self._post(
                    subscription.url, body, {DELIVERY_HEADER: delivery_id, **self._signature(subscription, body)}
                )
            case "alertmanager":
                body = json_bytes(alertmanager_alerts(alerts, self._external_url))
                token = self._secret(subscription) if subscription.secret_env else ""
                where = f"{subscription.url.rstrip('/')}/api/v2/alerts"
                self._post(where, body, {"Authorization": f"Bearer {token}"} if token else {})
            case "pagerduty":
                key = self._secret(subscription)
                for alert in alerts:
                    event = json_bytes(pagerduty_event(alert, key, self._external_url))
                    self._post(subscription.url or PAGERDUTY_URL, event, {})
            case "apprise":
                notify(self._secret(subscription), alerts, self._external_url)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        try:
            answer = self._client.post(url, content=body, headers={"Content-Type": "application/json", **headers})
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise DeliveryFailed(unreached(error)) from error
        if not answer.is_success:
            raise DeliveryFailed(f"answered {answer.status_code}", _wish(answer))

    def _signature(self, subscription: Subscription, body: bytes) -> dict[str, str]:
        if not subscription.secret_env:
            return {}
        return {HEADER: signed(self._secret(subscription), int(self._clock()), body)}

    def _secret(self, subscription: Subscription) -> str:
        secret = self._environment.get(subscription.secret_env, "")
        if not secret:
            raise DeliveryFailed(f"the secret {subscription.secret_env} is not set")
        return secret


def _wish(answer: httpx.Response) -> timedelta | None:
    said = answer.headers.get("Retry-After", "")
    return timedelta(seconds=int(said)) if said.isdecimal() and len(said) < _DIGITS else None
