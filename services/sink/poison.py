"""When a stream is so bad that going on would only empty a topic into its dead-letter topic. Pure.

A sender with a wrong schema, or a reader that is older than its senders, makes everything poison. Then
the mistake is to be mended, and the messages are to be read as they stand.
"""

from collections import defaultdict, deque
from collections.abc import Collection
from dataclasses import dataclass, field

from services.clients.bus.message import Message
from services.parts.letter import REPLAYED_FROM

LAST_MESSAGES = 1000
MOST_POISON = 950


class PoisonFlood(Exception):
    """Nearly everything in a partition is poison. The message is one line: where, how much, how to go on."""

    def __init__(self, topic: str, partition: int, poison: int) -> None:
        super().__init__(
            f"stopped: {poison} of the last {LAST_MESSAGES} messages of {topic}/{partition} are poison; nothing is "
            f"lost: mend their sender or this version and start again, or dead-letter them all with "
            f"DRIFTLOOP_ACCEPT_POISON={topic}"
        )


@dataclass(slots=True)
class _Recent:
    """The last messages of one partition, each counted once however often it is read."""

    next_offset: int = 0
    poison: int = 0
    verdicts: deque[bool] = field(default_factory=lambda: deque(maxlen=LAST_MESSAGES))

    def add(self, offset: int, *, poison: bool) -> None:
        if offset < self.next_offset:
            return
        if len(self.verdicts) == LAST_MESSAGES:
            self.poison -= self.verdicts[0]
        self.verdicts.append(poison)
        self.poison += poison
        self.next_offset = offset + 1


class PoisonLimit:
    """Watches the share of poison in each partition.

    Args:
        accepted: Topics that may be poison from end to end.
    """

    def __init__(self, accepted: Collection[str]) -> None:
        self._accepted = accepted
        self._recent: defaultdict[tuple[str, int], _Recent] = defaultdict(_Recent)

    def watch(self, message: Message, *, poison: bool) -> None:
        """Count a message, `poison` when nothing in it can be stored. Replayed ones don't count.

        Raises:
            PoisonFlood: More than MOST_POISON of the partition's LAST_MESSAGES are poison.
        """
        if message.topic in self._accepted or any(name == REPLAYED_FROM for name, _ in message.headers):
            return
        recent = self._recent[message.topic_id, message.partition]
        recent.add(message.offset, poison=poison)
        if recent.poison > MOST_POISON:
            raise PoisonFlood(message.topic, message.partition, recent.poison)
