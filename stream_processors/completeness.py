"""How far windows, scores and drift lack nothing, so that they can be judged. Pure; held by the monitors.

Windows are complete when every source partition has reported one that ends no earlier, or is known to have
nothing more to report for them. That is for functional to say, by its commits: a clock would take windows
for complete while functional is stopped, or on its way from one worker to another, and have them judged by half.

All times are Unix milliseconds.
"""

from collections.abc import Collection, Iterable, Mapping

from schemas.metrics import METRIC_BY_NAME, Kind
from schemas.topics import DRIFT_MEASURED, FEEDBACK_GIVEN, INFERENCE_RESPONDED, SCORES_RECORDED
from stream_processors.delivery import Source

_INBOUND = (INFERENCE_RESPONDED, FEEDBACK_GIVEN)


class Completeness:
    """What was reported, by whom, up to when.

    Args:
        scores: Partitions of the scores.
    """

    def __init__(self, scores: Iterable[Source]) -> None:
        self._progress = {Source(topic.name, number): 0 for topic in _INBOUND for number in range(topic.partitions)}
        self._occurred = dict.fromkeys(scores, 0)
        self._drifted = 0
        self._complete = dict.fromkeys(
            (*(topic.name for topic in _INBOUND), SCORES_RECORDED.name, DRIFT_MEASURED.name), 0
        )

    def until(self, metric: str) -> int:
        """Return the end of the last window of a metric that lacks nothing, as of the last look."""
        kind = METRIC_BY_NAME[metric].kind
        if kind == "window":
            return self._complete[(FEEDBACK_GIVEN if metric.startswith("feedback.") else INFERENCE_RESPONDED).name]
        return self._complete[SCORES_RECORDED.name if kind == "score" else DRIFT_MEASURED.name]

    @property
    def sources(self) -> Collection[Source]:
        """The partitions that windows are of."""
        return self._progress.keys()

    @property
    def reached(self) -> int:
        """The end of the last window that all of them have reported."""
        return min(self._progress.values())

    def reported(self, of: Source, end: int) -> None:
        """Note that a source partition reported a window, or has nothing more to report of those that end by then."""
        self._progress[of] = max(self._progress.get(of, 0), end)

    def scored(self, source: Source, occurred: int) -> None:
        """Note that a partition of the scores held a score of that time."""
        self._occurred[source] = max(self._occurred.get(source, 0), occurred)

    def drifted(self, end: int) -> None:
        """Note a drift measurement."""
        self._drifted = max(self._drifted, end)

    def look(self, passed: Mapping[Kind, int], lateness: int) -> None:
        """Note how far all is complete: by what was reported, or by the clock where no more scores or drift are held.

        Args:
            passed: What ended until then was to be reported by now, if there is anything to report.
        """
        scored = min(self._occurred.values(), default=0) - lateness
        reached = {
            SCORES_RECORDED.name: max(scored, passed["score"]),
            DRIFT_MEASURED.name: max(self._drifted, passed["drift"]),
        }
        for topic in _INBOUND:
            reached[topic.name] = min(end for source, end in self._progress.items() if source.topic == topic.name)
        for name, until in reached.items():
            self._complete[name] = max(self._complete[name], until)
