"""One round of deliveries: what is due goes to its receivers, some at once, one post after the other to each."""

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from schemas.configuration import Subscription
from services.alerting.measures import Measures
from services.alerting.outbox import Outbox
from services.alerting.posts import Post
from services.alerting.receivers import Receiver, Receivers, others
from services.alerting.subscriptions import together
from services.parts.notices.channels import Channels
from services.parts.notices.failures import DeliveryFailed

log = logging.getLogger(__name__)

_AT_ONCE = 8


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Rounds:
    """Delivers what the outbox has, and keeps what came of it.

    A receiver that fails is not sent the rest of the round, and is tried again with one post after a pause; the
    others are not held up by it.
    """

    def __init__(
        self,
        outbox: Outbox,
        receivers: Receivers,
        channels: Channels,
        measures: Measures,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._outbox = outbox
        self._receivers = receivers
        self._channels = channels
        self._measures = measures
        self._clock = clock

    def deliver(self, subscriptions: Mapping[str, Subscription]) -> None:
        """Deliver what is due now, once."""
        now, failing = self._clock(), self._receivers.failing()
        due = [
            name for name in self._outbox.listeners(now) if name not in failing or failing[name].due_at <= now
        ]  # fmt: skip
        if due:
            with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
                list(pool.map(lambda name: self._deliver_to(name, subscriptions, failing.get(name)), due))
        if due or failing:
            self._tell_of_absences(subscriptions)

    def _deliver_to(self, name: str, subscriptions: Mapping[str, Subscription], failing: Receiver | None) -> None:
        subscription = subscriptions.get(name)
        digest = subscription is None or together(subscription)
        for post in self._outbox.claim(name, self._clock(), digest=digest):
            if subscription is None:
                self._outbox.failed(post, "the subscription is gone", self._clock(), retry=False)
            elif not self._try(post, subscription):
                return
            elif failing is not None:
                self._welcome(failing, subscriptions)
                failing = None

    def _try(self, post: Post, subscription: Subscription) -> bool:
        place = f"{len(post.alerts)} alerts" if len(post.alerts) > 1 else f"alert={post.alerts[0].alert_id}"
        try:
            self._channels.deliver(post.alerts, subscription, post.id)
        except DeliveryFailed as error:
            log.warning("%s to=%s attempt=%d failed: %s", place, subscription.name, post.attempts + 1, error)
            now = self._clock()
            self._outbox.failed(post, str(error), now)
            self._receivers.failed(subscription.name, now, error.wish)
            self._measures.deliveries.labels(subscription.name, "failed").inc()
            return False
        self._outbox.delivered(post, subscription, self._clock())
        self._measures.deliveries.labels(subscription.name, "delivered").inc()
        log.info("%s to=%s attempt=%d delivered", place, subscription.name, post.attempts + 1)
        return True

    def _welcome(self, receiver: Receiver, subscriptions: Mapping[str, Subscription]) -> None:
        if receiver.told_away:
            now = self._clock()
            listeners = others(subscriptions.values(), receiver.subscription)
            self._outbox.put([receiver.notice(now, back=True)], listeners, now)
        self._receivers.recovered(receiver.subscription)

    def _tell_of_absences(self, subscriptions: Mapping[str, Subscription]) -> None:
        now = self._clock()
        for name, receiver in self._receivers.failing().items():
            if name not in subscriptions:
                self._receivers.recovered(name)
            elif receiver.away(now) and not receiver.told_away:
                listeners = others(subscriptions.values(), name)
                log.error("to=%s: away since %s; %d others are told", name, receiver.failing_since, len(listeners))
                self._outbox.put([receiver.notice(now)], listeners, now)
                self._receivers.told(name)
