"""What goes wrong in tests.bench.faults, one thing at a time: planned from a seed, then done."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Kind = Literal["kill", "stop", "broker", "warehouse"]
STOPPED_S = 30.0


class Victim(Protocol):
    """What can be taken away for a while: a worker, the broker, the warehouse."""

    def kill(self) -> None:
        """SIGKILL; whoever restarts it may only do so after `start`."""

    def start(self) -> None:
        """Start it again, after it was killed."""

    def suspend(self) -> None:
        """SIGSTOP."""

    def resume(self) -> None:
        """SIGCONT."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something is away from `at_s` on for `lasts_s`, in seconds from the beginning of the traffic."""

    kind: Kind
    victim: str
    at_s: float
    lasts_s: float

    @property
    def end_s(self) -> float:
        """When it is over."""
        return self.at_s + self.lasts_s


def planned(seed: int, seconds: float, workers: Sequence[str], kinds: Sequence[Kind]) -> list[Fault]:
    """Return the faults of a run: rounds of all kinds in random order, with pauses between.

    Kills are the cheapest and the likeliest, so each round has two.
    """
    rng = random.Random(seed)
    faults: list[Fault] = []
    at = rng.uniform(8, 12)
    while True:
        round_ = [*kinds, *(kind for kind in kinds if kind == "kill")]
        for kind in rng.sample(round_, len(round_)):
            lasts = {"kill": rng.uniform(1, 3), "stop": STOPPED_S}.get(kind, rng.uniform(3, 8))
            if at + lasts > seconds:
                return faults
            faults.append(Fault(kind, kind if kind in ("broker", "warehouse") else rng.choice(workers), at, lasts))
            at += lasts + rng.uniform(4, 12)


class Chaos:
    """Does what was planned when its time has come. Nothing else starts or stops a victim meanwhile.

    Attributes:
        done: Faults by kind so far.
        current: The fault that is going on.
    """

    def __init__(self, faults: Sequence[Fault], victims: Mapping[str, Victim]) -> None:
        self._left = list(faults)
        self._victims = victims
        self._over_s = 0.0
        self.current: Fault | None = None
        self.done: Counter[str] = Counter()

    def tick(self, passed_s: float) -> None:
        """Begin or end a fault, if it is time to."""
        if self.current is not None:
            if passed_s >= self._over_s:
                self.end()
        elif self._left and passed_s >= self._left[0].at_s:
            self.current = self._left.pop(0)
            self._over_s = passed_s + self.current.lasts_s
            victim = self._victims[self.current.victim]
            (victim.suspend if self.current.kind == "stop" else victim.kill)()

    def end(self) -> None:
        """End the fault that is going on, if there is one."""
        if self.current is None:
            return
        fault, self.current = self.current, None
        victim = self._victims[fault.victim]
        (victim.resume if fault.kind == "stop" else victim.start)()
        self.done[fault.kind] += 1
