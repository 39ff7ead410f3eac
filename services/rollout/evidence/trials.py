"""Shares, and means of what lies in [0, 1], as the judge compares them: so much of so many."""

from dataclasses import dataclass

from schemas.weighted_rates import WeightedSums, hajek


@dataclass(frozen=True, slots=True)
class Trials:
    """Hits among trials.

    Attributes:
        hits: How many, or a sum of values in [0, 1].
        count: Trials; of a weighted sample the count of equally weighted ones that would tell as much.
    """

    hits: float = 0.0
    count: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.hits <= self.count:
            raise ValueError(f"{self.hits:g} hits of {self.count:g}")

    @property
    def share(self) -> float:
        """Hits by trials; 0 when there are none."""
        return self.hits / self.count if self.count else 0.0


NO_TRIALS = Trials()


def trials(hits: float, count: float) -> Trials:
    """Return trials whose hits are cut to what there can be: feedback and answers may be of different windows."""
    return Trials(min(max(hits, 0.0), count), count)


def weighted(sums: WeightedSums) -> Trials:
    """Return Hájek's share with an effective count.

    The count is the smaller of that which the estimate's variance stands for and Kish's of the weights alone: the
    first says too much where no heavy call was a hit. schemas.weighted_rates' own interval is one of a single look
    at 95 %, so it can't be the boundary of a test that is repeated.
    """
    if not sums.count:
        return NO_TRIALS
    rate = hajek(sums)
    count = min(rate.effective_count, sums.weight**2 / sums.weight_squared)
    return trials(rate.rate * count, count)
