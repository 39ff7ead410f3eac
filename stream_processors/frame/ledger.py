"""How far each partition may be committed. Pure bookkeeping beneath stream_processors.frame.transport.

Faust commits what it has handed out; this ledger commits what has been dealt with, and never past the
first message that open state still needs. Three rules, each needed under kill -9 (design 4.3):

1. Work that began under an earlier assignment moves nothing.
2. A revoked partition is frozen: Faust commits once more after the revoke, when its state is gone.
3. A failed process freezes everything, so that the message behind the failure is read again.
"""

from collections.abc import Iterable

from stream_processors.frame.delivery import Source


class Ledger:
    """Committable offsets of the partitions this process owns.

    Attributes:
        epoch: Grows with every rebalance; work notes it when it begins and shows it when it is done.
        between: Whether partitions were revoked and no assignment has followed yet.
    """

    def __init__(self) -> None:
        self.epoch = 0
        self.between = False
        self._owned: frozenset[Source] = frozenset()
        self._offsets: dict[Source, int] = {}
        self._frozen = False

    def assign(self, sources: Iterable[Source]) -> None:
        """Begin a new assignment: nothing is committable until it has been dealt with."""
        self.epoch += 1
        self.between = False
        self._owned = frozenset(sources)
        self._offsets.clear()

    def revoke(self, sources: Iterable[Source]) -> None:
        """Let go of partitions, so that no commit is made for them."""
        self.epoch += 1
        self.between = True
        self._owned -= frozenset(sources)

    def freeze(self) -> None:
        """Commit nothing any more, for as long as this process lives."""
        self._frozen = True

    def advance(self, source: Source, offset: int, *, epoch: int) -> None:
        """Record that a restart may begin at `offset`, unless the work behind it is of an earlier epoch."""
        if epoch == self.epoch:
            self._offsets[source] = offset

    def committable(self, source: Source) -> int | None:
        """Return the offset to commit, or None where nothing may be committed."""
        return None if self._frozen or source not in self._owned else self._offsets.get(source)
