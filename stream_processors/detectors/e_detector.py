"""An e-detector: has the mean of bounded values risen above a baseline (or fallen below it)?"""

import math

import msgspec

STAKES = tuple(0.01 * 50 ** (step / 11) for step in range(12))
"""Shares of the evidence that each bet risks, from ripples to collapses.

Another grid needs another checkpoints.FORMAT, as evidence is saved by stake.
"""

LARGEST_STEP = 600.0
"""Natural log; e^600 times any limit is still a finite number."""


class EDetector(msgspec.Struct, frozen=True, kw_only=True):
    """Mixture of Shiryaev-Roberts e-detectors that bet on a mean (Shin, Ramdas, Rinaldo 2022), as a value.

    For values in [0, 1] whose mean, given all before them, is at most `high` and, two-sided, at least
    `low`: the mean distance between false alarms is `limit` or more, whatever the distribution and
    however often one looks. Nothing is approximate in that and no independence is asked for. Each bet f
    keeps M <- (M + w e)(1 - f + f x / high), where e is the exposure of the value, what it adds to the
    distance: 1 by default, so the distance counts values. The w sum to 1, so the sum of the M less the
    exposure so far has no upward drift while the baseline holds.

    Values that are known by their mean alone count as the worst that they may have been, zeros and
    ones, in whatever order; of values that are zeros and ones that is exact. How many they are, and
    the exposure, must not depend on them.

    After a detection the next value begins anew, against the same baseline.

    Attributes:
        evidence: The M, by stake; two-sided those downwards after those upwards.

    Example:
        >>> import random
        >>> rng = random.Random(7)
        >>> errors = [int(rng.random() < 0.1) for _ in range(2000)] + [int(rng.random() < 0.2) for _ in range(600)]
        >>> detector = EDetector(limit=100_000, low=0.1, high=0.1)
        >>> for index, error in enumerate(errors):
        ...     detector = detector.with_mean(error)
        ...     if detector.detected:
        ...         print(index)
        ...         break
        2270
    """

    limit: float
    low: float
    high: float
    two_sided: bool = False
    evidence: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.low <= self.high < 1:
            raise ValueError(f"a baseline lies within 0 and 1, got {self.low} to {self.high}")

    @property
    def statistic(self) -> float:
        """Decimal logarithm of the evidence, at least 0; one in 10 ** statistic is its own rate of false alarms."""
        return math.log10(max(1.0, math.fsum(self.evidence)))

    @property
    def threshold(self) -> float:
        """The statistic from which on it is a detection."""
        return math.log10(self.limit)

    @property
    def detected(self) -> bool:
        """Whether the last values brought the evidence to the limit."""
        return self.statistic >= self.threshold

    def with_mean(self, mean: float, *, count: int = 1, exposure: float | None = None) -> "EDetector":
        """Return the detector after `count` more values with this mean.

        Raises:
            ValueError: The mean is not within 0 and 1.
        """
        if not 0 <= mean <= 1:
            raise ValueError(f"values lie within 0 and 1, got {mean}")
        sides = ((mean, self.high), (1 - mean, 1 - self.low)) if self.two_sided else ((mean, self.high),)
        steps = [step for value, baseline in sides for step in _steps(value, baseline, count)]
        added = (count if exposure is None else exposure) / len(steps)
        known = self.evidence if self.evidence and not self.detected else (0.0,) * len(steps)
        evidence = tuple((before + added) * step for before, step in zip(known, steps, strict=True))
        return EDetector(limit=self.limit, low=self.low, high=self.high, two_sided=self.two_sided, evidence=evidence)


def _steps(mean: float, baseline: float, count: int) -> list[float]:
    """Return by what each bet's evidence that the mean is above the baseline is multiplied."""
    if count == 1:
        return [1 - stake + stake * mean / baseline for stake in STAKES]
    ones, zeros = count * mean, count * (1 - mean)
    logs = (ones * math.log(1 - stake + stake / baseline) + zeros * math.log1p(-stake) for stake in STAKES)
    return [math.exp(min(LARGEST_STEP, log)) for log in logs]
