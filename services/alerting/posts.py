"""What goes to a receiver at once: one alert's state, or many of them as a digest."""

from datetime import datetime

import msgspec

from schemas.ids import derived_id
from schemas.observations import AlertChanged
from schemas.record import Identifier


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One alert's state on its way to one subscription.

    Attributes:
        round: 0 for the first telling, one more for each repetition.
        attempts: Failed attempts of this round so far.
        since: When this round fell due.
    """

    subscription: Identifier
    alert: AlertChanged
    round: int
    attempts: int
    since: datetime

    @property
    def id(self) -> str:
        """The same however often this telling is tried."""
        return derived_id("delivery", self.subscription, self.alert.alert_id, self.alert.state, self.round)


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """Deliveries that go to one subscription in one message.

    Attributes:
        id: The same however often this post is tried; receivers may drop what they have seen.
        batch: Name of the digest; empty where one alert is told alone.
        deliveries: One, or those of a digest.
    """

    id: str
    batch: str = ""
    deliveries: tuple[Delivery, ...]

    @property
    def alerts(self) -> tuple[AlertChanged, ...]:
        """What is told."""
        return tuple(delivery.alert for delivery in self.deliveries)

    @property
    def attempts(self) -> int:
        """Failed attempts so far; those of a digest fail together."""
        return self.deliveries[0].attempts
