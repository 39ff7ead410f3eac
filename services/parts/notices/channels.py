"""Where alerts go: a signed webhook, or a line on the console."""

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

import httpx

from schemas.configuration import Subscription
from schemas.observations import AlertChanged
from services.parts.addresses import unreached
from services.parts.notices.payload import console_line, webhook_body
from services.parts.notices.signature import HEADER, signed

TIMEOUT_S = 5.0
DELIVERY_HEADER = "X-Driftloop-Delivery"
_DIGITS = 9


class DeliveryFailed(Exception):
    """The channel did not accept an alert. The message is the reason, without the alert's text or the channel's URL.

    Attributes:
        wish: How long the receiver asks to be left alone (Retry-After, in seconds), if it said.
    """

    def __init__(self, reason: str, wish: timedelta | None = None) -> None:
        super().__init__(reason)
        self.wish = wish


class Channels:
    """Delivers one alert, or a digest of many, to one subscription. Safe to share between threads.

    Args:
        external_url: Where a receiver finds the dashboard.
        environment: Holds the signing secrets.
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
            DeliveryFailed: No 2xx in time, or the signing secret is missing.
        """
        if subscription.channel == "console":
            print("\n".join(console_line(alert) for alert in alerts), file=sys.stdout, flush=True)
        else:
            self._post(alerts, subscription, delivery_id)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _post(self, alerts: Sequence[AlertChanged], subscription: Subscription, delivery_id: str) -> None:
        body = webhook_body(alerts, subscription.name, self._external_url)
        headers = {
            "Content-Type": "application/json",
            DELIVERY_HEADER: delivery_id,
            **self._signature(subscription, body),
        }
        try:
            answer = self._client.post(subscription.url, content=body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise DeliveryFailed(unreached(error)) from error
        if not answer.is_success:
            raise DeliveryFailed(f"answered {answer.status_code}", _wish(answer))

    def _signature(self, subscription: Subscription, body: bytes) -> dict[str, str]:
        if not subscription.secret_env:
            return {}
        secret = self._environment.get(subscription.secret_env, "")
        if not secret:
            raise DeliveryFailed(f"the signing secret {subscription.secret_env} is not set")
        return {HEADER: signed(secret, int(self._clock()), body)}


def _wish(answer: httpx.Response) -> timedelta | None:
    said = answer.headers.get("Retry-After", "")
    return timedelta(seconds=int(said)) if said.isdecimal() and len(said) < _DIGITS else None
