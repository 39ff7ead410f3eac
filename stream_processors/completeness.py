"""How far windows, scores and drift lack nothing, so that they can be judged. Pure; held by the monitors.

Windows are complete when every source partition has reported one that ends no earlier, or when the clock
says that nothing more can come. The clock is wrong while functional is away: what it reports afterwards
comes to windows that were thought complete, those of responses and of feedback one after the other, and
so each one's partitions. From the first of them on, windows are complete when every partition has reported,
or HELD_MS after the last of them came, so that none is judged by half.

All times are Unix milliseconds.
"""

from collections.abc import Iterable, Mapping

from schemas.metrics import METRIC_BY_NAME, Kind
from schemas.topics import DRIFT_MEASURED, FEEDBACK_GIVEN, INFERENCE_RESPONDED, SCORES_RECORDED
from stream_processors.delivery import Source

HELD_MS = 2_000
LONGEST_HELD_MS = 20_000  # functional that is always late must not keep alerts from being given

_INBOUND = (INFERENCE_RESPONDED, FEEDBACK_GIVEN)
_KINDS: Mapping[str, Kind] = {
    INFERENCE_RESPONDED.name: "window",
    FEEDBACK_GIVEN.name: "window",
    SCORES_RECORDED.name: "score",
    DRIFT_MEASURED.name: "drift",
}


class Completeness:
    """What was reported, by whom, up to when.

    Args:
        scores: Partitions of the scores.
    """

    def __init__(self, scores: Iterable[Source]) -> None:
        self._progress = {Source(topic.name, number): 0 for topic in _INBOUND for number in range(topic.partitions)}
        self._occurred = dict.fromkeys(scores, 0)
        self._drifted = 0
        self._complete = dict.fromkeys(_KINDS, 0)
        self._passed = 0
        self._held: tuple[int, int] | None = None

    def until(self, metric: str) -> int:
        """Return the end of the last window of a metric that lacks nothing, as of the last look."""
        kind = METRIC_BY_NAME[metric].kind
        if kind == "window":
            return self._complete[(FEEDBACK_GIVEN if metric.startswith("feedback.") else INFERENCE_RESPONDED).name]
        return self._complete[SCORES_RECORDED.name if kind == "score" else DRIFT_MEASURED.name]

    def reported(self, of: Source, end: int) -> None:
        """Note that a source partition reported a window."""
        self._progress[of] = max(self._progress.get(of, 0), end)

    def corrected(self, topic: str, start: int, end: int) -> None:
        """Note that a window got more than it had; if it was thought complete, none is from it on, for now."""
        if end <= self._complete[topic]:
            for other in _INBOUND:
                self._complete[other.name] = min(self._complete[other.name], start)
            self._held = (self._held or (self._passed,))[0], self._passed

    def scored(self, source: Source, occurred: int) -> None:
        """Note that a partition of the scores held a score of that time."""
        self._occurred[source] = max(self._occurred.get(source, 0), occurred)

    def drifted(self, end: int) -> None:
        """Note a drift measurement."""
        self._drifted = max(self._drifted, end)

    def look(self, passed: Mapping[Kind, int], lateness: int) -> None:
        """Note how far windows are complete: by what was reported, or by the clock where nothing more is held.

        Args:
            passed: What ended until then was to be reported by now, if there is anything to report.
        """
        self._passed = max(self._passed, passed["window"])
        if self._held and self._passed >= min(self._held[0] + LONGEST_HELD_MS, self._held[1] + HELD_MS):
            self._held = None
        reached = {
            SCORES_RECORDED.name: min(self._occurred.values(), default=0) - lateness,
            DRIFT_MEASURED.name: self._drifted,
        }
        for topic in (INFERENCE_RESPONDED.name, FEEDBACK_GIVEN.name):
            reached[topic] = min(end for source, end in self._progress.items() if source.topic == topic)
        for topic, until in reached.items():
            kind = _KINDS[topic]
            clock = 0 if kind == "window" and self._held else passed[kind]
            self._complete[topic] = max(self._complete[topic], until, clock)
