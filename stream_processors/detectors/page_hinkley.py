"""Page-Hinkley: has the mean of a stream moved away from what it was so far?"""

import msgspec


class PageHinkley(msgspec.Struct, frozen=True, kw_only=True):
    """Cumulative-sum test of a mean (Page 1954; Hinkley 1971), as a value: each observation makes a new one.

    Gives River's verdicts (river.drift.PageHinkley; the tests compare them) but can be written down
    and shows its statistic. After a detection the next observation begins anew.

    Attributes:
        threshold: Lambda: excess, summed over observations, that counts as change.
        two_sided: Whether a falling mean counts too.
        tolerance: Change of the mean, in its own unit, that is let pass.
        least: Observations before the first verdict.
        fading: Factor that past deviations keep at each observation.

    Example:
        >>> import random
        >>> rng = random.Random(7)
        >>> errors = [int(rng.random() < 0.05) for _ in range(300)] + [int(rng.random() < 0.4) for _ in range(300)]
        >>> test = PageHinkley(threshold=15.0)
        >>> for index, error in enumerate(errors):
        ...     test = test.with_value(error)
        ...     if test.detected:
        ...         print(index)
        ...         break
        340
    """

    threshold: float
    two_sided: bool = True
    tolerance: float = 0.005
    least: int = 30
    fading: float = 0.9999
    count: int = 0
    mean: float = 0.0
    rise: float = 0.0
    fall: float = 0.0
    lowest: float = float("inf")
    highest: float = -1.0

    @property
    def statistic(self) -> float:
        """The greater of the excess upwards and, two-sided, downwards; 0 before the first verdict is due."""
        if self.count < self.least:
            return 0.0
        upwards = self.rise - self.lowest
        return max(upwards, self.highest - self.fall) if self.two_sided else upwards

    @property
    def detected(self) -> bool:
        """Whether the last observation brought the statistic past the threshold."""
        return self.statistic > self.threshold

    def with_value(self, value: float) -> "PageHinkley":
        """Return the test after one more observation."""
        if self.detected:
            return PageHinkley(
                threshold=self.threshold, two_sided=self.two_sided, tolerance=self.tolerance,
                least=self.least, fading=self.fading,
            ).with_value(value)  # fmt: skip
        count = self.count + 1
        mean = self.mean + (value - self.mean) / count
        rise = self.fading * self.rise + value - mean - self.tolerance
        fall = self.fading * self.fall + value - mean + self.tolerance
        return PageHinkley(
            threshold=self.threshold, two_sided=self.two_sided, tolerance=self.tolerance,
            least=self.least, fading=self.fading, count=count, mean=mean, rise=rise, fall=fall,
            lowest=min(self.lowest, rise), highest=max(self.highest, fall),
        )  # fmt: skip
