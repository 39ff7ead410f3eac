"""Feedback meets the answers it judges, within one partition number, pure. Fed by functional.

Both topics are keyed by request_id and have the same number of partitions, so feedback and answers
of a request meet. Feedback waits in its window until *both* partitions have passed the window's
close; only then is it joined, with every answer of its request that was logged

    from  feedback's log time - horizon   to   window's end + lateness.

So the result depends on what the logs hold, not on which partition was read faster, and feedback
may come before its answer by up to the time its window stays open. Feedback without an answer in
that span counts nowhere. Which of several judgements of a window counts: stream_processors.windows.judgements.
What somebody says anew in a later window counts there, beside what the earlier one said.

Memory: the answers of one horizon, about 250 bytes each, at most MAX_ANSWERS a partition; beyond
that the oldest are forgotten and results may lack joins (1 h of 139 answers a second and partition
fit the bound).
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from schemas.feedback import FeedbackGiven
from schemas.record import Series
from stream_processors.windows.answers import Answer, normalised
from stream_processors.windows.judgements import (
    Judged,
    Labels,
    by_person,
    count,
    first_record,
    judged_of,
    speaks_of,
)
from stream_processors.windows.windows import SKEW_MS, Bounds, Cell, OpenWindows

MAX_ANSWERS = 500_000


@dataclass(slots=True)
class _Waiting:
    """Feedback of one window, in the order of offsets."""

    first_offset: int
    oldest: int
    judged: dict[str, Judged]


class FeedbackJoin:
    """Answers and waiting feedback of one partition number.

    Args:
        labels: Of each app that has some.

    Attributes:
        windows: Tracks the watermark of the feedback partition; its cells exist only while closing.
    """

    def __init__(
        self, bounds: Bounds, max_answers: int = MAX_ANSWERS, *, labels: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        self._bounds = bounds
        self._labels: dict[str, Labels] = {
            app: {normalised(label): label for label in known} for app, known in (labels or {}).items()
        }
        self._max_answers = max_answers
        # Not a dict: what is deleted at its front is passed over again by every look at its first entry.
        self._answers: OrderedDict[str, tuple[Answer, ...]] = OrderedDict()
        self._waiting: dict[int, _Waiting] = {}
        self._complete_since: int | None = None
        self.windows = OpenWindows(bounds)

    @property
    def floor(self) -> int | None:
        """First offset of the feedback partition that an open window still needs."""
        return next((waiting.first_offset for waiting in self._waiting.values()), None)

    def read_from(self, offset: int, logged: int) -> None:
        """Note the first response of this partition that is read, after which none is missing."""
        if self._complete_since is None:
            self._complete_since = 0 if offset == 0 else logged + SKEW_MS

    def missing_since(self, logged: int) -> int | None:
        """Return the log time from which answers must be restored before feedback of `logged` can be joined."""
        since = logged - SKEW_MS - self._bounds.horizon
        complete = self._complete_since is not None and self._complete_since <= since
        return None if complete or self._complete_since == 0 else since

    def remember(self, request_id: str, answer: Answer) -> None:
        """Keep an answer for feedback to come; one that is known is not kept twice."""
        known = self._answers.get(request_id)
        if known is None:
            self._answers[request_id] = (answer,)
        elif all(answer.event_id != other.event_id for other in known):
            self._answers[request_id] = (*known, answer)
        if len(self._answers) > self._max_answers:
            del self._answers[next(iter(self._answers))]

    def restore(self, earlier: Iterable[tuple[str, Answer]]) -> None:
        """Put answers logged before those remembered so far in front of them."""
        self._complete_since = 0
        later, self._answers = self._answers, OrderedDict()
        for request_id, answer in earlier:
            self.remember(request_id, answer)
        for request_id, answers in later.items():
            for answer in answers:
                self.remember(request_id, answer)

    def wait(self, feedback: FeedbackGiven, *, occurred: int, logged: int, offset: int) -> None:
        """Put feedback into its window, there to wait for its answers."""
        start, late = self.windows.place(occurred, logged)
        waiting = self._waiting.setdefault(start, _Waiting(offset, logged, {}))
        waiting.oldest = min(waiting.oldest, logged)
        judged = judged_of(feedback, occurred=occurred, logged=logged, offset=offset, late=late)
        waiting.judged[feedback.event_id] = first_record(waiting.judged.get(feedback.event_id), judged)

    def close(self, answers_watermark: int) -> list[Cell]:
        """Take out the windows that both partitions have passed, joined, in a fixed order."""
        watermark = min(self.windows.watermark, answers_watermark)
        due = sorted(start for start in self._waiting if start + self._bounds.closing <= watermark)
        cells = [cell for start in due for cell in self._joined(start, self._waiting.pop(start))]
        self._forget(watermark)
        return cells

    def _joined(self, start: int, waiting: _Waiting) -> list[Cell]:
        cells: dict[Series, Cell] = {}
        for given in by_person(waiting.judged.values()):
            for answer in self._answers.get(given[0].request_id, ()):
                said = [judged for judged in given if self._meet(judged, answer, start) and speaks_of(judged, answer)]
                if said:
                    self._count(cells, said, answer, start)
        return [cells[series] for series in sorted(cells)]

    def _meet(self, judged: Judged, answer: Answer, start: int) -> bool:
        latest = start + self._bounds.length + self._bounds.lateness
        return judged.logged - self._bounds.horizon <= answer.logged <= latest

    def _count(self, cells: dict[Series, Cell], said: list[Judged], answer: Answer, start: int) -> None:
        """Count what one person said of an answer; what is late displaces nothing."""
        series = answer.series
        first, last = min(judged.offset for judged in said), max(judged.offset for judged in said)
        cell = cells.get(series)
        if cell is None:
            cell = cells[series] = Cell(series, answer.model, start, first, last)
        cell.first_offset, cell.last_offset = min(cell.first_offset, first), max(cell.last_offset, last)
        timely = [judged for judged in said if not judged.late]
        cell.late += len(said) - len(timely)
        count(cell.judged, timely, answer, self._labels.get(series.app, {}))

    def _forget(self, watermark: int) -> None:
        pending = min((waiting.oldest for waiting in self._waiting.values()), default=watermark)
        oldest = min(pending, watermark - SKEW_MS) - self._bounds.horizon
        while self._answers:
            request_id, answers = next(iter(self._answers.items()))
            if answers[-1].logged >= oldest:
                return
            del self._answers[request_id]
