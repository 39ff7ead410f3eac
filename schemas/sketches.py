"""Quantiles that merge: DDSketch (Masson, Rim, Lee, VLDB 2019), pure.

A value v lands in bin ceil(log v / log gamma), gamma = (1 + a) / (1 - a), so that the middle of its
bin is off by at most the share `a` of v. Merging adds counts: a merged sketch equals the sketch of
all values, whatever the order.
"""

import math
from collections.abc import Iterable

from schemas.observations import Sketch

RELATIVE_ACCURACY = 0.01
SMALLEST = 1e-6  # values below count as zero: a nanosecond, where values are milliseconds
_LOG_GAMMA = math.log((1 + RELATIVE_ACCURACY) / (1 - RELATIVE_ACCURACY))


class Accumulator:
    """A sketch in the making."""

    __slots__ = ("_bins", "_count", "_total", "_zeros")

    def __init__(self) -> None:
        self._bins: dict[int, int] = {}
        self._zeros = 0
        self._count = 0
        self._total = 0.0

    def add(self, value: float) -> None:
        """Count a non-negative, finite value."""
        self._count += 1
        self._total += value
        if value < SMALLEST:
            self._zeros += 1
        else:
            index = math.ceil(math.log(value) / _LOG_GAMMA)
            self._bins[index] = self._bins.get(index, 0) + 1

    def sketch(self) -> Sketch:
        """Return what has been counted, bins in ascending order."""
        return Sketch(
            relative_accuracy=RELATIVE_ACCURACY,
            bins=dict(sorted(self._bins.items())),
            zeros=self._zeros,
            count=self._count,
            total=self._total,
        )


def merge(sketches: Iterable[Sketch]) -> Sketch:
    """Return the sketch of all values of all sketches.

    Raises:
        ValueError: They differ in their relative accuracy.
    """
    parts = list(sketches)
    if {part.relative_accuracy for part in parts} - {RELATIVE_ACCURACY}:
        raise ValueError(f"can only merge sketches of relative accuracy {RELATIVE_ACCURACY}")
    bins: dict[int, int] = {}
    for part in parts:
        for index, count in part.bins.items():
            bins[index] = bins.get(index, 0) + count
    return Sketch(
        relative_accuracy=RELATIVE_ACCURACY,
        bins=dict(sorted(bins.items())),
        zeros=sum(part.zeros for part in parts),
        count=sum(part.count for part in parts),
        total=math.fsum(part.total for part in parts),
    )


def quantile(sketch: Sketch, q: float) -> float:
    """Return the q-quantile (lower of two neighbours) within the relative accuracy; q is cut to [0, 1].

    Raises:
        ValueError: The sketch is empty.

    Example:
        >>> accumulator = Accumulator()
        >>> for value in range(1, 101):
        ...     accumulator.add(float(value))
        >>> round(quantile(accumulator.sketch(), 0.5))
        50
    """
    if sketch.count == 0:
        raise ValueError("an empty sketch has no quantiles")
    rank = math.floor(min(max(q, 0.0), 1.0) * (sketch.count - 1))
    seen = sketch.zeros
    if rank < seen:
        return 0.0
    gamma = (1 + sketch.relative_accuracy) / (1 - sketch.relative_accuracy)
    for index in sorted(sketch.bins):
        seen += sketch.bins[index]
        if rank < seen:
            return float(2 * gamma**index / (gamma + 1))
    raise ValueError(f"bins hold fewer than the {sketch.count} values counted")
