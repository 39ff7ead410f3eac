"""Scores of one series in one window, each call counted once and weighted by the inverse of its chance. Pure.

Horvitz and Thompson's estimator: a score that had chance p of being taken stands for 1/p of them. What a
scorer could not judge is no part of it. Scores of different versions of a scorer are never added: a window in which
the version changed is measured by the one that judged more of it.
"""

from collections import defaultdict
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
    """Sums by score name and scorer with version."""

    sums: dict[tuple[str, str], _Sums] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)

    def put(self, record: ScoresRecorded) -> bool:
        """Take the scores of a call; return whether they are new."""
        if record.event_id in self.seen:
            return False
        self.seen.add(record.event_id)
        for score in record.scores:
            if score.value is not None:
                of = (score.name, score.scorer)
                sums = self.sums.get(of)
                if sums is None:
                    sums = self.sums[of] = _Sums()
                sums.add(score, score.value)
        return True


def measure(metric: ScoreMetric, tallies: Iterable[Tally]) -> Measure:
    """Return a score metric over tallies of any series and windows; `count` is of scores, unweighted."""
    parts = _of_one_version(metric.score, tallies)
    weight = sum(part.weight for part in parts)
    total = sum(part.labelled.get(metric.label, 0.0) if metric.label else part.value for part in parts)
    return Measure(total / weight if weight else None, sum(part.count for part in parts))


def _of_one_version(name: str, tallies: Iterable[Tally]) -> list[_Sums]:
    """Return the sums of the scorer, with version, that judged most; of two that judged as many, of the later name."""
    by_scorer: dict[str, list[_Sums]] = defaultdict(list)
    for tally in tallies:
        for (score, scorer), sums in tally.sums.items():
            if score == name:
                by_scorer[scorer].append(sums)
    most = max(by_scorer, key=lambda scorer: (sum(part.count for part in by_scorer[scorer]), scorer), default="")
    return by_scorer[most]
