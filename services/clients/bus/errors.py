"""What can go wrong between a process and the broker.

BusError
├── BrokerDown      nobody answers; retry later
├── TopicMissing    the broker answers but lacks a topic; create topics first
├── BufferFull      too much waits for the broker; send again after `retry_after` seconds
└── Undelivered     messages that were taken by `send` did not reach the broker
"""


class BusError(Exception):
    """Base of what the bus raises."""


class BrokerDown(BusError):
    """Nobody answers at the broker's address. Retryable."""

    def __init__(self, address: str) -> None:
        super().__init__(f"no broker answers at {address}; start one or set DRIFTLOOP_KAFKA")


class TopicMissing(BusError):
    """The broker has no such topic. Retryable once someone creates it."""

    def __init__(self, topic: str) -> None:
        super().__init__(f"topic {topic} does not exist; run create_topics first")


class BufferFull(BusError):
    """The producer holds as many unacknowledged bytes as it may; the message was not taken.

    Attributes:
        retry_after: Seconds after which sending again makes sense.
    """

    def __init__(self, buffered: int, retry_after: float) -> None:
        super().__init__(f"{buffered} bytes wait for the broker; send again in {retry_after} s")
        self.retry_after = retry_after


class Undelivered(BusError):
    """Messages taken by `send` since the last flush did not reach the broker."""

    def __init__(self, count: int, reason: str) -> None:
        super().__init__(f"{count} messages were not delivered: {reason}")
        self.count = count
