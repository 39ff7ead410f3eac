"""What a channel says when it did not take an alert."""

from datetime import timedelta


class DeliveryFailed(Exception):
    """The channel did not accept an alert. The message is the reason, without the alert's text or the channel's URL.

    Attributes:
        wish: How long the receiver asks to be left alone (Retry-After, in seconds), if it said.
    """

    def __init__(self, reason: str, wish: timedelta | None = None) -> None:
        super().__init__(reason)
        self.wish = wish
