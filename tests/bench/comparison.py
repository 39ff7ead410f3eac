"""Windows counted once more, in one go over raw records, and where those of the product differ. Pure.

Written from what windows promise (docs of stream_processors.windows.windows and joins), not from their code. Used
by tests.bench.faults over the warehouse and by the processor's own test over the log.
"""

import math
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.codec import to_unix_ms
from schemas.observations import Sketch, WindowClosed
from schemas.partials import partial_key, preferred
from schemas.record import Series, Variant
from schemas.sketches import RELATIVE_ACCURACY, merge, quantile
from schemas.topics import FEEDBACK_GIVEN, INFERENCE_RESPONDED

QUANTILES = (0.5, 0.95, 0.99)
_SUMS = ("responses", "errors", "input_tokens", "output_tokens", "cost_usd", "unpriced", "feedback", "feedback_correct")


@dataclass(frozen=True, slots=True)
class Times:
    """What rules windows, in milliseconds."""

    length: int
    lateness: int
    horizon: int

    def placed(self, occurred: int, logged: int) -> tuple[int, bool]:
        """Return the start of a record's window, and whether it counts there as late."""
        late = logged - occurred > self.lateness
        instant = logged if late else occurred
        return instant // self.length * self.length, late


class Copy(NamedTuple):
    """Where an event stands in the log, and its log time in Unix milliseconds."""

    partition: int
    offset: int
    logged: int


class Answered(NamedTuple):
    """A response; `copies` in the order of the log."""

    request_id: str
    series: Series
    occurred: int
    failed: bool
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    latency_ms: float
    ttft_ms: float | None
    text: str
    copies: tuple[Copy, ...]


class Judgement(NamedTuple):
    """Feedback; `copies` in the order of the log, `person` is who says it."""

    request_id: str
    occurred: int
    label: str | None
    score: float | None
    copies: tuple[Copy, ...]
    person: tuple[str, str] = ("user", "")


class Cut(NamedTuple):
    """What a partial is about; `start` in Unix milliseconds."""

    series: Series
    start: int
    topic: str
    partition: int


@dataclass(slots=True)
class Expected:
    """One partial, counted from raw records."""

    late: int = 0
    sums: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    values: dict[str, "array[float]"] = field(default_factory=lambda: {"latency_ms": array("d"), "ttft_ms": array("d")})

    def add(self, answered: Answered) -> None:
        """Count a response that is not late."""
        counted = {
            "responses": 1,
            "errors": answered.failed,
            "input_tokens": answered.input_tokens,
            "output_tokens": answered.output_tokens,
            "cost_usd": answered.cost_usd or 0.0,
            "unpriced": answered.cost_usd is None,
        }
        for name, value in counted.items():
            self.sums[name] += value
        self.values["latency_ms"].append(answered.latency_ms)
        if answered.ttft_ms is not None:
            self.values["ttft_ms"].append(answered.ttft_ms)


class Recount:
    """Counts responses as they come, each once, and feedback at the end.

    Args:
        judged: The requests that feedback names; only their answers are remembered.
    """

    def __init__(self, times: Times, judged: frozenset[str]) -> None:
        self.cells: dict[Cut, Expected] = defaultdict(Expected)
        self._times = times
        self._judged = judged
        self._answers: dict[str, list[Answered]] = defaultdict(list)
        self._said: dict[tuple[Cut, str, tuple[str, str]], tuple[int, int, bool]] = {}

    def answered(self, answered: Answered) -> None:
        """Count a response."""
        for copy, start, late in self._places(answered.occurred, answered.copies):
            cell = self.cells[Cut(answered.series, start, INFERENCE_RESPONDED.name, copy.partition)]
            if late:
                cell.late += 1
            else:
                cell.add(answered)
        if answered.request_id in self._judged:
            self._answers[answered.request_id].append(answered)

    def judgement(self, judgement: Judgement) -> None:
        """Count feedback under every answer of its request that it can be about.

        Of what one person says of an answer in a window the last counts; of two told in one message the one told here
        later.
        """
        for copy, start, late in self._places(judgement.occurred, judgement.copies):
            latest = start + self._times.length + self._times.lateness
            for answer in self._answers.get(judgement.request_id, ()):
                right = _right(judgement, answer)
                logged = min(copy.logged for copy in answer.copies)
                if right is None or not copy.logged - self._times.horizon <= logged <= latest:
                    continue
                cut = Cut(answer.series, start, FEEDBACK_GIVEN.name, copy.partition)
                if late:
                    self.cells[cut].late += 1
                else:
                    self._say(cut, judgement, (judgement.occurred, copy.offset, right))

    def _say(self, cut: Cut, judgement: Judgement, said: tuple[int, int, bool]) -> None:
        mine, sums = (cut, judgement.request_id, judgement.person), self.cells[cut].sums
        before = self._said.get(mine)
        if before is not None and said[:2] < before[:2]:
            return
        self._said[mine] = said
        sums["feedback"] += before is None
        sums["feedback_correct"] += said[2] - (before[2] if before else 0)

    def _places(self, occurred: int, copies: Iterable[Copy]) -> Iterator[tuple[Copy, int, bool]]:
        """Yield the windows of an event: of its copies in one window the first one counts."""
        known = set()
        for copy in copies:
            start, late = self._times.placed(occurred, copy.logged)
            if start not in known:
                known.add(start)
                yield copy, start, late


def _right(judgement: Judgement, answer: Answered) -> bool | None:
    if judgement.label is not None:
        return answer.text.lower().strip(".") == judgement.label
    if answer.series.variant == Variant.SHADOW or judgement.score is None:
        return None
    return judgement.score >= 0.5


def believed(partials: Iterable[WindowClosed]) -> dict[Cut, WindowClosed]:
    """Return the partials that a reader keeps."""
    kept: dict[Cut, WindowClosed] = {}
    for partial in partials:
        series, start, topic, partition = partial_key(partial)
        cut = Cut(series, to_unix_ms(start), topic, partition)
        kept[cut] = preferred(kept.get(cut), partial)
    return kept


class Difference(NamedTuple):
    """A window of a series that is not what it should be, and why, for people."""

    series: Series
    start: int
    reason: str


def differences(expected: Mapping[Cut, Expected], found: Mapping[Cut, WindowClosed]) -> list[Difference]:
    """Return what differs, by sums of each partial and by quantiles of the merged windows."""
    wrong = [
        Difference(cut.series, cut.start, f"{cut.topic}/{cut.partition}: {reason}")
        for cut in sorted(expected.keys() | found.keys())
        for reason in _reasons(expected.get(cut), found.get(cut))
    ]
    return wrong + list(_quantile_differences(expected, found))


def _reasons(expected: Expected | None, found: WindowClosed | None) -> Iterator[str]:
    if expected is None or found is None:
        what = expected or found
        late = what.late if what else 0
        counted = dict(expected.sums) if expected else dict(found.counters) if found else {}
        yield f"{'not told' if expected else 'without raw rows'}: {counted} late={late}"
        return
    place = f"offsets {found.first_offset} to {found.last_offset}"
    if expected.late != found.late:
        yield f"late {found.late}, not {expected.late} ({place})"
    for name in _SUMS:
        wanted, told = expected.sums.get(name, 0.0), found.counters.get(name, 0.0)
        if not math.isclose(wanted, told, rel_tol=1e-9, abs_tol=1e-9):
            yield f"{name} {told:g}, not {wanted:g} ({place})"


def _quantile_differences(expected: Mapping[Cut, Expected], found: Mapping[Cut, WindowClosed]) -> Iterator[Difference]:
    windows: dict[tuple[Series, int], list[Cut]] = defaultdict(list)
    for cut in expected:
        windows[cut.series, cut.start].append(cut)
    for (series, start), cuts in windows.items():
        for name in ("latency_ms", "ttft_ms"):
            exact = sorted(value for cut in cuts for value in expected[cut].values[name])
            told = [found[cut].sketches[name] for cut in cuts if cut in found and name in found[cut].sketches]
            for reason in _sketch_reasons(exact, merge(told)):
                yield Difference(series, start, f"{name}: {reason}")


def _sketch_reasons(exact: list[float], sketch: Sketch) -> Iterator[str]:
    if sketch.count != len(exact):
        yield f"{sketch.count} values, not {len(exact)}"
        return
    for q in QUANTILES if exact else ():
        wanted, told = exact[math.floor(q * (len(exact) - 1))], quantile(sketch, q)
        if abs(told - wanted) > wanted * RELATIVE_ACCURACY * (1 + 1e-9) + 1e-6:
            yield f"p{100 * q:g} {told:g}, not {wanted:g}"
