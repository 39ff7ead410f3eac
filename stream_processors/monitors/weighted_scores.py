"""Scores of one series in one window, each counted once and weighted by the inverse of its chance. Pure.

Horvitz and Thompson's estimator: a score that had chance p of being taken stands for 1/p of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from schemas.observations import ScoreRecorded
from stream_processors.monitors.partials import Measure

_RATIO_OF = {
    "prompt.injection_ratio": "prompt.injection",
    "prompt.harm_ratio": "prompt.harm",
    "response.unsafe_ratio": "response.harm",
}
_MEAN_OF = {"prompt.distance.mean": "prompt.distance"}
_UNSAFE = "unsafe"


@dataclass(slots=True)
class _Sums:
    count: int = 0
    weight: float = 0.0
    unsafe: float = 0.0
    value: float = 0.0


@dataclass(slots=True)
class Tally:
    """Sums by score name."""

    sums: dict[str, _Sums] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)

    def put(self, score: ScoreRecorded) -> bool:
        """Take a score; return whether it is new."""
        if score.event_id in self.seen:
            return False
        self.seen.add(score.event_id)
        sums, weight = self.sums.setdefault(score.name, _Sums()), 1 / score.sampling_probability
        sums.count += 1
        sums.weight += weight
        sums.unsafe += weight * (score.label == _UNSAFE)
        sums.value += weight * score.value
        return True


def measure(metric: str, tallies: Iterable[Tally]) -> Measure:
    """Return a score metric over tallies of any series and windows; `count` is of scores, unweighted.

    Raises:
        KeyError: Not a metric over scores.
    """
    name = _RATIO_OF.get(metric) or _MEAN_OF[metric]
    parts = [tally.sums[name] for tally in tallies if name in tally.sums]
    weight = sum(part.weight for part in parts)
    total = sum(part.unsafe if metric in _RATIO_OF else part.value for part in parts)
    return Measure(total / weight if weight else None, sum(part.count for part in parts))
