"""From partials to one window: how those of all sources add up. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from schemas.observations import Sketch, WindowClosed
from schemas.partials import preferred
from schemas.sketches import merge, quantile
from stream_processors.frame.delivery import Source
from stream_processors.monitors.confusion import confusion_of, f1, precision, recall

_QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
_SUMS = {
    "volume.count": ("responses", "responses"),
    "tokens.input": ("input_tokens", "responses"),
    "tokens.output": ("output_tokens", "responses"),
    "feedback.count": ("feedback", "feedback"),
}
_SIGNALS = ("copied", "regenerated", "abandoned")
# The one by the sum of the others.
_RATIOS = {
    "error.ratio": ("errors", ("responses",)),
    "feedback.accuracy": ("feedback_correct", ("feedback",)),
    "feedback.mean_rating": ("rating_sum", ("ratings",)),
    "feedback.thumbs_down_ratio": ("thumbs_down", ("thumbs",)),
    "feedback.correction_ratio": ("corrections", ("feedback",)),
    "feedback.edit_distance": ("edit_sum", ("corrections",)),
    "feedback.preferred_ratio": ("comparisons_won", ("comparisons_won", "comparisons_lost")),
    **{f"feedback.{signal}_ratio": (signal, _SIGNALS) for signal in _SIGNALS},
}
_OF_CONFUSION = {"feedback.precision": precision, "feedback.recall": recall, "feedback.f1": f1}


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric's value and the observations behind it; None where nothing was observed.

    Attributes:
        interval: 95 % interval of a share that is estimated from a sample.
    """

    value: float | None
    count: int
    interval: tuple[float, float] | None = None


@dataclass(slots=True)
class Partials:
    """The partials of one series' window, one for each source."""

    by_source: dict[Source, WindowClosed] = field(default_factory=dict)

    def put(self, partial: WindowClosed) -> bool:
        """Take a partial; return whether it replaces what was known of its source."""
        source = Source(partial.source_topic, partial.source_partition)
        known = self.by_source.get(source)
        self.by_source[source] = preferred(known, partial)
        return self.by_source[source] is not known


def measure(metric: str, windows: Iterable[WindowClosed]) -> Measure:
    """Return a window metric over partials of any series, windows and sources.

    Raises:
        KeyError: Not a metric over windows.
    """
    partials = list(windows)
    if metric in _SUMS:
        counter, behind = _SUMS[metric]
        return Measure(_total(partials, counter), int(_total(partials, behind)))
    if metric in _RATIOS:
        counter, counters = _RATIOS[metric]
        whole = sum(_total(partials, each) for each in counters)
        return Measure(_total(partials, counter) / whole if whole else None, int(whole))
    if metric in _OF_CONFUSION:
        confusion = confusion_of(partial.counters for partial in partials)
        return Measure(_OF_CONFUSION[metric](confusion), confusion.total())
    if metric == "cost_usd.sum":
        priced = int(_total(partials, "responses") - _total(partials, "unpriced"))
        return Measure(_total(partials, "cost_usd") if priced else None, priced)
    name, aggregate = metric.rsplit(".", 1)
    sketch = merged_sketch(partials, name)
    return Measure(quantile(sketch, _QUANTILES[aggregate]) if sketch.count else None, sketch.count)


def merged_sketch(partials: Iterable[WindowClosed], name: str) -> Sketch:
    """Return the distribution of a value over partials."""
    return merge(partial.sketches[name] for partial in partials if name in partial.sketches)


def _total(partials: Iterable[WindowClosed], counter: str) -> float:
    return sum(partial.counters.get(counter, 0.0) for partial in partials)
