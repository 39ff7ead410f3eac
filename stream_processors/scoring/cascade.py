"""Which calls a guard judges: all, or by what cheap scorers say, a sample. Pure.

A call has a number of its own in (0, 1], made of its request id, and is judged when its chance is no less:
Poisson sampling with permanent random numbers (Ohlsson 1995). So the draw is the same on every replay and
for every guard, and of two guards the one with the smaller chance judges some of what the other judges.

A chance that follows the load could be another one when calls are read again after a crash. Suppose 1/10
before it and 1/5 after it: calls with numbers up to 1/10 were judged and stand for ten each; those above, up
to 1/5, are judged the second time and stand for five each: together half as many calls again as there are.
So chances hold from an offset of the log on, are themselves written to the log before they are used, and are
read back: for each offset there is one chance, for ever.
"""

import hashlib
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field

from stream_processors.scoring.budget import Chances

_NUMBERS = 1 << 64


def number_of(request_id: str) -> float:
    """Return a call's permanent random number, uniform in (0, 1].

    Example:
        >>> number_of("chatcmpl-1") == number_of("chatcmpl-1") != number_of("chatcmpl-2")
        True
    """
    digest = hashlib.blake2b(request_id.encode(errors="surrogatepass"), digest_size=8, person=b"driftloop-cascad")
    return (int.from_bytes(digest.digest(), "big") + 1) / _NUMBERS


@dataclass(slots=True)
class Schedule:
    """Chances by the offset of a partition from which they hold."""

    first: Chances
    _offsets: list[int] = field(default_factory=list)
    _chances: list[Chances] = field(default_factory=list)

    @classmethod
    def of(cls, first: Chances, changes: Iterable[tuple[int, Chances]]) -> "Schedule":
        """Return a schedule with changes in any order; of two at one offset the later one counts."""
        schedule = cls(first)
        for offset, chances in sorted(dict(changes).items()):
            schedule.change(offset, chances)
        return schedule

    @property
    def last(self) -> Chances:
        """The chances that hold from the last change on."""
        return self._chances[-1] if self._chances else self.first

    @property
    def until(self) -> int:
        """Offset of the last change; -1 before the first."""
        return self._offsets[-1] if self._offsets else -1

    def change(self, offset: int, chances: Chances) -> None:
        """Have other chances hold from an offset on.

        Raises:
            ValueError: Others hold from there on already, or from later on: what was drawn stays drawn.
        """
        if offset <= self.until:
            raise ValueError(f"chances from offset {offset} after those from {self.until}")
        self._offsets.append(offset)
        self._chances.append(chances)

    def at(self, offset: int) -> Chances:
        """Return the chances of an offset's calls."""
        place = bisect_right(self._offsets, offset)
        return self._chances[place - 1] if place else self.first

    def forget(self, before: int) -> None:
        """Let go of changes that hold for no offset from `before` on."""
        place = bisect_right(self._offsets, before)
        if place > 1:
            self.first = self._chances[place - 2]
            del self._offsets[: place - 1], self._chances[: place - 1]


def may_be_drawn(number: float, chances: Chances) -> bool:
    """Return whether a call is judged if it is suspicious; where not, no cheap scorer need look at it."""
    return number <= chances.suspicious


def drawn(number: float, chances: Chances, *, suspicious: bool) -> float | None:
    """Return the chance under which a call is judged; None where it is not."""
    chance = chances.suspicious if suspicious else chances.rest
    return chance if number <= chance else None
