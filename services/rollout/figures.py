"""What a version did since a rollout's step began: the sums of its windows' partials, and of its scored calls."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from schemas.observations import Sketch, WindowClosed
from schemas.sketches import merge
from services.rollout.evidence.amounts import NO_AMOUNT, Amount, amount_of
from services.rollout.evidence.trials import NO_TRIALS, Trials


@dataclass(frozen=True, slots=True)
class Figures:
    """Sums over windows of one version in one role.

    Attributes:
        responses: Answers, failed ones included.
        judged: Answers with feedback; `correct` of them were right.
        thumbs: Thumbs of both directions.
        rating_sum: Stars of all ratings together, 1 to 5 each.
        corrections: Answers that somebody corrected.
        edit_sum: Their distances to the corrections, 0 to 1 each.
        latency: Milliseconds of every answer.
        tokens: Tokens written in an answer.
        cost: USD of an answer whose cost is known.
        scored: What scorers flagged, by the name in services.rollout.evidence.scored.MEASURES.
        pairs: Won against stable's answers to the same requests, by the judge's word; a tie is half a win.
        unjudged: Pairs that the judge gave no word on.
    """

    responses: int = 0
    errors: int = 0
    judged: int = 0
    correct: int = 0
    thumbs: int = 0
    thumbs_down: int = 0
    ratings: int = 0
    rating_sum: float = 0.0
    corrections: int = 0
    edit_sum: float = 0.0
    latency: Sketch | None = None
    tokens: Amount = NO_AMOUNT
    cost: Amount = NO_AMOUNT
    scored: dict[str, Trials] = field(default_factory=dict)
    pairs: Trials = NO_TRIALS
    unjudged: int = 0

    def __post_init__(self) -> None:
        if not (0 <= self.correct <= self.judged and 0 <= self.errors <= self.responses):
            raise ValueError(f"figures contradict themselves: {self}")

    @property
    def accuracy(self) -> float:
        """Share of judged answers that were right; 0 when none was judged."""
        return self.correct / self.judged if self.judged else 0.0

    @property
    def error_ratio(self) -> float:
        """Share of answers that failed; 0 when there are none."""
        return self.errors / self.responses if self.responses else 0.0


NOTHING = Figures()


def summed(windows: Iterable[WindowClosed]) -> Figures:
    """Return the sums of partials, each of another key."""
    taken = tuple(windows)
    responses, judged = _total(taken, "responses"), _total(taken, "feedback")
    latency = merge(window.sketches["latency_ms"] for window in taken if "latency_ms" in window.sketches)
    return Figures(
        responses=responses,
        errors=min(_total(taken, "errors"), responses),
        judged=judged,
        correct=min(_total(taken, "feedback_correct"), judged),
        thumbs=_total(taken, "thumbs"),
        thumbs_down=_total(taken, "thumbs_down"),
        ratings=_total(taken, "ratings"),
        rating_sum=_sum(taken, "rating_sum"),
        corrections=_total(taken, "corrections"),
        edit_sum=_sum(taken, "edit_sum"),
        latency=latency if latency.count else None,
        tokens=amount_of(_by_start(taken, "output_tokens", "errors")),
        cost=amount_of(_by_start(taken, "cost_usd", "unpriced")),
    )


def _sum(windows: tuple[WindowClosed, ...], counter: str) -> float:
    return sum(window.counters.get(counter, 0) for window in windows)


def _total(windows: tuple[WindowClosed, ...], counter: str) -> int:
    return round(_sum(windows, counter))


def _by_start(windows: tuple[WindowClosed, ...], total: str, without: str) -> Iterable[tuple[float, float]]:
    """Return of each window the total and how many answers it is of: all but those without one."""
    sums: dict[datetime, tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))
    for window in windows:
        before, counters = sums[window.window_start], window.counters
        count = counters.get("responses", 0) - counters.get(without, 0)
        sums[window.window_start] = before[0] + counters.get(total, 0), before[1] + max(0, count)
    return sums.values()
