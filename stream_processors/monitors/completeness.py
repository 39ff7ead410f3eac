"""How far windows, scores and drift lack nothing, so that they can be judged. Pure; held by the monitors.

Windows are complete when every source partition has reported one that ends no earlier, or is known to have
nothing more to report for them. That is for functional to say, by its commits: a clock would take windows
for complete while functional is stopped, or on its way from one worker to another, and have them judged by half.

The series of one window lie in several partitions, each read at its own pace. So a source partition counts as
having reported a window when as many series of it are there as it says there are, and when all partitions have
been read to their end since: a window before it may consist of series that lie elsewhere.

All times are Unix milliseconds.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from operator import itemgetter

from schemas.codec import to_unix_ms
from schemas.metrics import Kind, kind_of
from schemas.observations import WindowClosed
from schemas.record import Series, series_of
from schemas.topics import DRIFT_MEASURED, FEEDBACK_GIVEN, INFERENCE_RESPONDED, SCORES_RECORDED
from stream_processors.frame.delivery import Source

PATIENCE = 3  # windows: one that still lacks series when so many later ones are there will not become whole
_INBOUND = (INFERENCE_RESPONDED, FEEDBACK_GIVEN)


@dataclass(slots=True)
class _Reported:
    """What has been read of a source partition's window."""

    start: int
    series: set[Series] = field(default_factory=set)
    expected: int = 1
    read_at: int = 0

    @property
    def whole(self) -> bool:
        return len(self.series) >= self.expected


class Completeness:
    """What was reported, by whom, up to when.

    Args:
        scores: Partitions of the scores.
        whole: Whether all partitions of the windows are held here. Where another process holds some, one
            series of a window stands for all of them.
    """

    def __init__(self, scores: Iterable[Source], *, whole: bool = True) -> None:
        self._progress = {Source(topic.name, number): 0 for topic in _INBOUND for number in range(topic.partitions)}
        self._reported: dict[Source, dict[int, _Reported]] = {source: {} for source in self._progress}
        self._whole = whole
        self._occurred = dict.fromkeys(scores, 0)
        self._drifted = 0
        self._complete = dict.fromkeys(
            (*(topic.name for topic in _INBOUND), SCORES_RECORDED.name, DRIFT_MEASURED.name), 0
        )

    def until(self, metric: str) -> int:
        """Return the end of the last window of a metric that lacks nothing, as of the last look."""
        kind = kind_of(metric)
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

    def reported(self, partial: WindowClosed, *, read_at: int) -> None:
        """Note a series of a window."""
        source, end = Source(partial.source_topic, partial.source_partition), to_unix_ms(partial.window_end)
        if end <= self._progress.setdefault(source, 0):
            return
        start = to_unix_ms(partial.window_start)
        window = self._reported.setdefault(source, {}).setdefault(end, _Reported(start))
        window.series.add(series_of(partial))
        if self._whole:
            window.expected = max(window.expected, partial.series_count)
        window.read_at = max(window.read_at, read_at)

    def reported_all(self, of: Source, end: int) -> None:
        """Note that a source partition has nothing more to report of the windows that end by then."""
        self._progress[of] = max(self._progress.get(of, 0), end)
        self._reported[of] = {later: window for later, window in self._reported[of].items() if later > end}

    def scored(self, source: Source, occurred: int) -> None:
        """Note that a partition of the scores held scores of that time."""
        self._occurred[source] = max(self._occurred.get(source, 0), occurred)

    def drifted(self, end: int) -> None:
        """Note a drift measurement."""
        self._drifted = max(self._drifted, end)

    def settle(self, read_until: int, *, whole_from: int = 0) -> None:
        """Note which windows have been reported, now that everything logged by a time has been read.

        Args:
            read_until: That time.
            whole_from: Windows that begin earlier lack what was logged before the first message read.
        """
        for source, windows in self._reported.items():
            newest = max((end for end, window in windows.items() if window.whole), default=0)
            for end, window in sorted(windows.items(), key=itemgetter(0)):
                given_up = end + PATIENCE * (end - window.start) <= newest
                there = window.whole or window.start < whole_from or given_up
                if not there or window.read_at > read_until:
                    break
                self._progress[source] = end
                del windows[end]

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
