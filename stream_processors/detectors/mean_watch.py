"""A mean watched by an e-detector: its baseline is given, or learnt from the first values and then stays."""

import math
from typing import Self

import msgspec

from schemas.configuration import Drift
from schemas.false_alarms import parse_false_alarms
from schemas.proportions import mean_bounds, proportion_bounds
from stream_processors.detectors.e_detector import EDetector


class MeanRule(msgspec.Struct, frozen=True, kw_only=True):
    """How a mean is watched.

    Attributes:
        limit: Least mean distance of false alarms: values, or seconds where `timed`.
        two_sided: Whether a falling mean counts too.
        known: The baseline; None to learn it.
        warm_up: Values that it is learnt from.
        confidence: Chance that what is taken for the baseline is on the safe side of the true mean.
        proportion: Values are zeros and ones, which are known better than any others within 0 and 1.
        pause_s: Silence counts for no more exposure than this.
    """

    limit: float
    timed: bool = False
    two_sided: bool = False
    known: float | None = None
    warm_up: int = 500
    confidence: float = 0.95
    proportion: bool = True
    pause_s: float = 30.0

    @classmethod
    def of_errors(cls, drift: Drift) -> Self:
        """Return how the error of judged answers is watched."""
        alarms = parse_false_alarms(drift.false_alarms)
        return cls(
            limit=alarms.limit,
            timed=alarms.timed,
            two_sided=drift.direction == "both",
            known=drift.error,
            warm_up=drift.warm_up,
            confidence=drift.confidence,
        )


class MeanWatch(msgspec.Struct, frozen=True, kw_only=True):
    """A mean between two observations of it, as a value.

    While it learns it tells nothing. The bound is taken once, so the detector's promise holds with the
    rule's confidence over all that the sample might have been; where the bound misses, it misses by
    little, and false alarms are more by as much (docs/detection.md has the measure of it).

    Attributes:
        count: Values learnt from, with the sum `total`.
        latest_ms: Latest event time, Unix milliseconds.
        detector: None while it learns.
    """

    rule: MeanRule
    count: int = 0
    total: float = 0.0
    latest_ms: int | None = None
    detector: EDetector | None = None

    @property
    def statistic(self) -> float:
        """Evidence of a change, decimal logarithm; 0 while it learns."""
        return self.detector.statistic if self.detector else 0.0

    @property
    def threshold(self) -> float:
        """The statistic from which on it is a detection."""
        return math.log10(self.rule.limit)

    @property
    def detected(self) -> bool:
        """Whether the last observation was a detection."""
        return self.detector is not None and self.statistic >= self.threshold

    @property
    def baseline(self) -> str:
        """Where the baseline is from: given, learnt, or still being learnt."""
        if self.rule.known is not None:
            return "given"
        return "learnt" if self.detector else "learning"

    def with_mean(self, mean: float, *, count: int, at_ms: int) -> "MeanWatch":
        """Return the watch after `count` more values with this mean, at an event time."""
        detector = self.detector or self._given()
        before = at_ms if self.latest_ms is None else self.latest_ms
        latest = max(before, at_ms)
        if detector is None:
            return self._learnt(mean, count, latest)
        exposure = float(count)
        if self.rule.timed:
            exposure = min(self.rule.pause_s, (latest - before) / 1000)
        detector = detector.with_mean(mean, count=count, exposure=exposure)
        return MeanWatch(rule=self.rule, count=self.count, total=self.total, latest_ms=latest, detector=detector)

    def _given(self) -> EDetector | None:
        return None if self.rule.known is None else self._detector(self.rule.known, self.rule.known)

    def _learnt(self, mean: float, count: int, latest: int) -> "MeanWatch":
        count, total = self.count + count, self.total + mean * count
        detector = None
        if count >= self.rule.warm_up:
            miss = (1 - self.rule.confidence) / (2 if self.rule.two_sided else 1)
            bounds = proportion_bounds if self.rule.proportion else mean_bounds
            detector = self._detector(*bounds(total, count, miss=miss))
        return MeanWatch(rule=self.rule, count=count, total=total, latest_ms=latest, detector=detector)

    def _detector(self, low: float, high: float) -> EDetector:
        return EDetector(limit=self.rule.limit, low=low, high=high, two_sided=self.rule.two_sided)
