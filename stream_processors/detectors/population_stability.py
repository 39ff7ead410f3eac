"""PSI: how far a window of scores has moved from what its version saw in training."""

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from schemas.reference import ROUNDING, Histogram

PRIOR = 0.5


@dataclass(frozen=True, slots=True)
class PopulationStability:
    """Population stability index (Lewis 1994; its distribution: Yurdakul and Naranjo 2020).

    PSI = sum over bins of (p - q) ln(p / q), the symmetric Kullback-Leibler divergence of observed p
    and expected q. Small counts: half an observation is added to each observed bin (Jeffreys' prior),
    and the expected proportions are treated as if from a sample as large, so that an empty bin costs
    a finite amount that shrinks with the window. Without drift its mean is about (bins - 1) / n, plus
    (bins - 1) / m for a reference of m values. With 10 bins and a threshold of 0.25, windows of 100
    raise about 4 false alarms in 1,000, windows of 200 none in 1,000, which is why the threshold is
    window_thresholds.threshold's unless somebody sets one.

    Attributes:
        known: Values that the expected proportions are known from, 0 where nobody knows.

    Example:
        >>> import random
        >>> rng = random.Random(42)
        >>> psi = PopulationStability.against(
        ...     Histogram(edges=tuple(i / 10 for i in range(1, 10)), proportions=(0.1,) * 10)
        ... )
        >>> round(psi.measure(psi.counts(rng.random() for _ in range(500))), 3)
        0.029
        >>> round(psi.measure(psi.counts(rng.random() ** 2 for _ in range(500))), 3)
        0.299
    """

    edges: tuple[float, ...]
    expected: tuple[float, ...]
    known: int = 0

    @classmethod
    def against(cls, histogram: Histogram) -> Self:
        """Return the measure against a reference.

        Edges that may stand on values that repeat are lowered by what rounding may do to a value.
        """
        edges = histogram.edges if histogram.count else tuple(edge - ROUNDING for edge in histogram.edges)
        return cls(edges, histogram.proportions, histogram.count)

    def bin_of(self, value: float) -> int:
        """Return the bin that a value falls into; a value on an edge belongs to the bin above."""
        return bisect_right(self.edges, value)

    def counts(self, values: Iterable[float]) -> list[int]:
        """Return how many values fall into each bin."""
        counted = [0] * len(self.expected)
        for value in values:
            counted[self.bin_of(value)] += 1
        return counted

    def measure(self, counts: Sequence[int]) -> float:
        """Return the index, at least 0, of a window's counts a bin; 0 for an empty window.

        Raises:
            ValueError: As many counts as bins are needed.
        """
        if len(counts) != len(self.expected):
            raise ValueError(f"{len(self.expected)} bins, got {len(counts)} counts")
        size = sum(counts)
        total = size + PRIOR * len(counts)
        if size == 0:
            return 0.0
        return math.fsum(
            ((count + PRIOR) / total - (q * size + PRIOR) / total) * math.log((count + PRIOR) / (q * size + PRIOR))
            for count, q in zip(counts, self.expected, strict=True)
        )
