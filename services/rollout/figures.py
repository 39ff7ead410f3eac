"""What a version did since a rollout's step began: the sums of its windows' partials."""

from collections.abc import Iterable
from dataclasses import dataclass

from schemas.observations import Sketch, WindowClosed
from schemas.sketches import merge


@dataclass(frozen=True, slots=True)
class Figures:
    """Sums over windows of one version in one role.

    Attributes:
        responses: Answers, failed ones included.
        judged: Answers with feedback; `correct` of them were right.
        latency: Milliseconds of every answer.
    """

    responses: int = 0
    errors: int = 0
    judged: int = 0
    correct: int = 0
    latency: Sketch | None = None

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
        latency=latency if latency.count else None,
    )


def _total(windows: tuple[WindowClosed, ...], counter: str) -> int:
    return round(sum(window.counters.get(counter, 0) for window in windows))
