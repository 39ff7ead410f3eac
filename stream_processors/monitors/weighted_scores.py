"""Scores of one series in one window, each call counted once and weighted by the inverse of its chance. Pure.

Horvitz and Thompson's estimator: a score that had chance p of being taken stands for 1/p of them. What a
scorer could not judge is no part of it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from schemas.metrics import ScoreMetric
from schemas.observations import RecordedScore, ScoresRecorded
from stream_processors.monitors.partials import Measure


@dataclass(slots=True)
class _Sums:
    count: int = 0
    weight: float = 0.0
    value: float = 0.0
    labelled: dict[str, float] = field(default_factory=dict)

    def add(self, score: RecordedScore, value: float) -> None:
        weight = 1 / score.sampling_probability
        self.count += 1
        self.weight += weight
        self.value += weight * value
        if score.label:
            self.labelled[score.label] = self.labelled.get(score.label, 0.0) + weight


@dataclass(slots=True)
class Tally:
    """Sums by score name."""

    sums: dict[str, _Sums] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)

    def put(self, record: ScoresRecorded) -> bool:
        """Take the scores of a call; return whether they are new."""
        if record.event_id in self.seen:
            return False
        self.seen.add(record.event_id)
        for score in record.scores:
            if score.value is not None:
                sums = self.sums.get(score.name)
                if sums is None:
                    sums = self.sums[score.name] = _Sums()
                sums.add(score, score.value)
        return True


def measure(metric: ScoreMetric, tallies: Iterable[Tally]) -> Measure:
    """Return a score metric over tallies of any series and windows; `count` is of scores, unweighted."""
    parts = [tally.sums[metric.score] for tally in tallies if metric.score in tally.sums]
    weight = sum(part.weight for part in parts)
    total = sum(part.labelled.get(metric.label, 0.0) if metric.label else part.value for part in parts)
    return Measure(total / weight if weight else None, sum(part.count for part in parts))
