"""Which replica of an upstream is asked next. Pure but for its own counters; time is an argument."""

from collections.abc import Sequence
from dataclasses import dataclass

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 10.0


@dataclass(slots=True)
class _Replica:
    url: str
    failures: int = 0
    resting_until: float = 0.0


class Replicas:
    """Round robin over those that are well.

    A replica that could not be reached rests for 0.5 s, doubling to 10 s with each further failure.
    When all rest, the one that wakes first is asked: there is nothing to lose.
    """

    def __init__(self, urls: Sequence[str]) -> None:
        if not urls:
            raise ValueError("an upstream needs at least one replica")
        self._replicas = [_Replica(url.rstrip("/")) for url in urls]
        self._next = 0

    def __len__(self) -> int:
        return len(self._replicas)

    @property
    def urls(self) -> tuple[str, ...]:
        """Their base URLs."""
        return tuple(replica.url for replica in self._replicas)

    def pick(self, now: float) -> str:
        """Return the next replica's base URL."""
        if len(self._replicas) == 1:
            return self._replicas[0].url
        order = self._replicas[self._next :] + self._replicas[: self._next]
        replica = next((r for r in order if r.resting_until <= now), None)
        replica = replica or min(order, key=lambda r: r.resting_until)
        self._next = (self._replicas.index(replica) + 1) % len(self._replicas)
        return replica.url

    def unreachable(self, url: str, now: float) -> None:
        """Let a replica rest."""
        replica = self._named(url)
        replica.resting_until = now + min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**replica.failures)
        replica.failures = min(replica.failures + 1, 10)

    def reached(self, url: str) -> None:
        """Forget a replica's failures: it answered."""
        replica = self._replicas[0] if len(self._replicas) == 1 else self._named(url)
        replica.failures, replica.resting_until = 0, 0.0

    def _named(self, url: str) -> _Replica:
        return next(replica for replica in self._replicas if replica.url == url)
