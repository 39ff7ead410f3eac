"""Scores of one series in one window, each call counted once and weighted by the inverse of its chance. Pure.

A share comes with its 95 % interval (schemas.weighted_rates). What a scorer could not judge is no part of either:
the share is that of what it could judge. Scores of different versions of a scorer are never added: a window in which
the version changed is measured by the one that judged more of it.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from schemas.metrics import ScoreMetric
from schemas.observations import RecordedScore, ScoresRecorded
from schemas.weighted_rates import WeightedSums, hajek
from stream_processors.monitors.partials import Measure


@dataclass(slots=True)
class _Sums:
    """All scores of a name, by label; what has none is under the empty one."""

    value: float = 0.0
    by_label: dict[str, WeightedSums] = field(default_factory=dict)

    def add(self, score: RecordedScore, value: float) -> None:
        self.value += value / score.sampling_probability
        sums = self.by_label.get(score.label)
        if sums is None:
            sums = self.by_label[score.label] = WeightedSums()
        sums.add(hit=True, probability=score.sampling_probability)

    @property
    def count(self) -> int:
        """How many scores there are."""
        return sum(sums.count for sums in self.by_label.values())

    def sums_of(self, label: str) -> Iterable[WeightedSums]:
        """Return the sums in which what has a label is a hit, and all else is not."""
        return (sums if name == label else sums.as_misses() for name, sums in self.by_label.items())


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
    sums = WeightedSums.together(some for part in parts for some in part.sums_of(metric.label))
    if not sums.count:
        return Measure(None, 0)
    if not metric.label:
        return Measure(sum(part.value for part in parts) / sums.weight, sums.count)
    rate = hajek(sums)
    return Measure(rate.rate, rate.count, (rate.low, rate.high))


def _of_one_version(name: str, tallies: Iterable[Tally]) -> list[_Sums]:
    """Return the sums of the scorer, with version, that judged most; of two that judged as many, of the later name."""
    by_scorer: dict[str, list[_Sums]] = defaultdict(list)
    for tally in tallies:
        for (score, scorer), sums in tally.sums.items():
            if score == name:
                by_scorer[scorer].append(sums)
    most = max(by_scorer, key=lambda scorer: (sum(part.count for part in by_scorer[scorer]), scorer), default="")
    return by_scorer[most]
