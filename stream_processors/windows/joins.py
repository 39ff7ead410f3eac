"""Feedback meets the answers it judges, within one partition number, pure. Fed by functional.

Both topics are keyed by request_id and have the same number of partitions, so feedback and answers
of a request meet. Feedback waits in its window until *both* partitions have passed the window's
close; only then is it joined, with every answer of its request that was logged

    from  feedback's log time - horizon   to   window's end + lateness.

So the result depends on what the logs hold, not on which partition was read faster, and feedback
may come before its answer by up to the time its window stays open. Feedback without an answer in
that span counts nowhere.

Memory: the answers of one horizon, about 250 bytes each, at most MAX_ANSWERS a partition; beyond
that the oldest are forgotten and results may lack joins (1 h of 139 answers a second and partition
fit the bound).
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

from schemas.feedback import FeedbackGiven
from schemas.inference import InferenceResponded
from schemas.record import Series, Variant, series_of
from stream_processors.windows.windows import SKEW_MS, Bounds, Cell, OpenWindows

MAX_ANSWERS = 500_000
KEPT_CHARACTERS = 256
_PUNCTUATION = " \t.,;:!\"'`"


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What joining needs of a response.

    Attributes:
        text: The answer; normalised only if it is long, because few answers are ever judged.
    """

    event_id: str
    series: Series
    model: str
    text: str
    logged: int


class Judged(msgspec.Struct, frozen=True, gc=False):
    """What joining needs of feedback."""

    event_id: str
    request_id: str
    label: str | None
    score: float | None
    offset: int
    logged: int
    late: bool


def normalised(text: str) -> str:
    """Return a label or an answer without what doesn't distinguish labels: case, space, punctuation.

    At most KEPT_CHARACTERS; what is normalised already stays as it is.
    """
    return " ".join(text.split()).casefold()[:KEPT_CHARACTERS].strip(_PUNCTUATION)


def answer_of(responded: InferenceResponded, logged: int, series: Series | None = None) -> Answer:
    """Return what is remembered of a response; `series` is its series, when the caller has it at hand."""
    output = responded.output
    text = "" if output is None else output.content if type(output.content) is str else output.text
    if len(text) > KEPT_CHARACTERS:
        text = normalised(text)
    return Answer(responded.event_id, series or series_of(responded), responded.model, text, logged)


def verdict(judged: Judged, answer: Answer) -> bool | None:
    """Return whether feedback calls an answer correct; None when it says nothing about it.

    A label judges every answer of the request, the shadow's too. A score judges what the user saw.
    """
    if judged.label is not None:
        return judged.label == normalised(answer.text)
    if judged.score is None or answer.series.variant == Variant.SHADOW:
        return None
    return judged.score >= 0.5


@dataclass(slots=True)
class _Waiting:
    """Feedback of one window, in the order of offsets."""

    first_offset: int
    oldest: int
    judged: dict[str, Judged]


class FeedbackJoin:
    """Answers and waiting feedback of one partition number.

    Attributes:
        windows: Tracks the watermark of the feedback partition; its cells exist only while closing.
    """

    def __init__(self, bounds: Bounds, max_answers: int = MAX_ANSWERS) -> None:
        self._bounds = bounds
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
        label = None if feedback.label is None else normalised(feedback.label)
        judged = Judged(feedback.event_id, feedback.request_id, label, feedback.score, offset, logged, late)
        waiting.judged.setdefault(feedback.event_id, judged)

    def close(self, answers_watermark: int) -> list[Cell]:
        """Take out the windows that both partitions have passed, joined, in a fixed order."""
        watermark = min(self.windows.watermark, answers_watermark)
        due = sorted(start for start in self._waiting if start + self._bounds.closing <= watermark)
        cells = [cell for start in due for cell in self._joined(start, self._waiting.pop(start))]
        self._forget(watermark)
        return cells

    def _joined(self, start: int, waiting: _Waiting) -> list[Cell]:
        cells: dict[Series, Cell] = {}
        for judged in waiting.judged.values():
            for answer in self._answers_to(judged, start):
                correct = verdict(judged, answer)
                if correct is not None:
                    _count(cells, judged, answer, start=start, correct=correct)
        return [cells[series] for series in sorted(cells)]

    def _answers_to(self, judged: Judged, start: int) -> Iterator[Answer]:
        latest = start + self._bounds.length + self._bounds.lateness
        for answer in self._answers.get(judged.request_id, ()):
            if judged.logged - self._bounds.horizon <= answer.logged <= latest:
                yield answer

    def _forget(self, watermark: int) -> None:
        pending = min((waiting.oldest for waiting in self._waiting.values()), default=watermark)
        oldest = min(pending, watermark - SKEW_MS) - self._bounds.horizon
        while self._answers:
            request_id, answers = next(iter(self._answers.items()))
            if answers[-1].logged >= oldest:
                return
            del self._answers[request_id]


def _count(cells: dict[Series, Cell], judged: Judged, answer: Answer, *, start: int, correct: bool) -> None:
    cell = cells.get(answer.series)
    if cell is None:
        cell = cells[answer.series] = Cell(answer.series, answer.model, start, judged.offset, judged.offset)
    cell.last_offset = judged.offset
    if judged.late:
        cell.late += 1
        return
    cell.feedback += 1
    cell.feedback_correct += correct
