"""Which partitions a group member holds and from where it reads them: values only."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Assigned:
    """A partition that this member was given.

    Attributes:
        topic_id: The topic's id now; a re-created topic has a new one.
        committed: Next offset by the group's commit, if that was made under the same topic id.
    """

    topic: str
    topic_id: str
    partition: int
    committed: int | None


Starts = Callable[[Sequence[Assigned]], Sequence[int | None]]
"""For each partition the offset to read first; None means the beginning of the log.

May block; may raise, then nothing is read and it is asked again at the next poll.
"""


def committed_starts(assigned: Sequence[Assigned]) -> Sequence[int | None]:
    """Go on where the group committed."""
    return [partition.committed for partition in assigned]
