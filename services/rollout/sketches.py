"""Merging and reading the sketches that windows carry; the sums of all partials give one distribution."""

import math
from collections.abc import Iterable

from schemas.observations import Sketch


def merged(sketches: Iterable[Sketch]) -> Sketch | None:
    """Return the sketch of all values together, or None when there is no sketch.

    Raises:
        ValueError: The sketches' accuracies differ, so that their bins mean different values.
    """
    total: Sketch | None = None
    for sketch in sketches:
        total = sketch if total is None else _added(total, sketch)
    return total


def _added(left: Sketch, right: Sketch) -> Sketch:
    if left.relative_accuracy != right.relative_accuracy:
        raise ValueError(f"sketches of accuracy {left.relative_accuracy} and {right.relative_accuracy} can't be merged")
    bins = dict(left.bins)
    for index, count in right.bins.items():
        bins[index] = bins.get(index, 0) + count
    return Sketch(
        relative_accuracy=left.relative_accuracy,
        bins=bins,
        zeros=left.zeros + right.zeros,
        count=left.count + right.count,
        total=left.total + right.total,
    )


def quantile(sketch: Sketch, q: float) -> float:
    """Return the q-quantile, within the sketch's relative accuracy (DDSketch: Masson, Rim, Lee 2019).

    `q` is cut to [0, 1]; an empty sketch gives 0.
    """
    rank = min(max(q, 0.0), 1.0) * max(sketch.count - 1, 0)
    seen = sketch.zeros
    if seen > rank or not sketch.bins:
        return 0.0
    gamma = (1 + sketch.relative_accuracy) / (1 - sketch.relative_accuracy)
    for index in sorted(sketch.bins):
        seen += sketch.bins[index]
        if seen > rank:
            break
    return 2 * math.pow(gamma, index) / (gamma + 1)
