"""Whether people have said enough of a candidate that writes, and what they said.

People say what they like to say: ratings, thumbs, labels, corrections. One kind that stable's answers get has to
reach the count. Where stable gets none at all, answers count instead, and the reason says so.
"""

from dataclasses import dataclass

from schemas.rollout_policy import RolloutPolicy
from services.rollout.comparisons.catalogue import feedback_of
from services.rollout.comparisons.comparison import Pair

NO_FEEDBACK = "no feedback was there"


@dataclass(frozen=True, slots=True)
class _Kind:
    """Judgements of one kind that each got."""

    name: str
    candidate: float
    stable: float


def feedback_lack(pair: Pair, *, shadow: bool) -> str:
    """Return what is missing to call a candidate judged. Nobody judges a shadow, so there its answers count."""
    kinds = () if shadow else _kinds(pair)
    if not kinds:
        answers, of_stable = pair.candidate.responses, pair.stable.responses
        enough = min(answers, of_stable) >= pair.min_count
        return "" if enough else f"{answers} answers, {of_stable} of stable's; {_needed(pair)}"
    if any(min(kind.candidate, kind.stable) >= pair.min_count for kind in kinds):
        return ""
    counted = ", ".join(f"{kind.candidate:.0f} {kind.name} ({kind.stable:.0f} of stable's)" for kind in kinds)
    return f"{counted}; {_needed(pair)}"


def feedback_said(pair: Pair, policy: RolloutPolicy, *, shadow: bool) -> str:
    """Return what the judgement rests on, for the reason of a step."""
    if shadow:
        return f"{pair.candidate.responses} mirrored answers"
    if not _kinds(pair):
        return f"{NO_FEEDBACK}: judged by {pair.candidate.responses} answers"
    compared = (c.compared(pair) for c in feedback_of(policy) if c.of(pair.stable).hits)
    return "; ".join(compared) or "nothing bad said of stable's answers"


def _kinds(pair: Pair) -> tuple[_Kind, ...]:
    candidate, stable = pair.candidate, pair.stable
    # A candidate that needs no correction gets none: it has to answer so much that stable had been corrected as often.
    expected = stable.corrections * candidate.responses / stable.responses if stable.responses else 0.0
    kinds = (
        _Kind("ratings", candidate.ratings, stable.ratings),
        _Kind("thumbs", candidate.thumbs, stable.thumbs),
        _Kind("judged answers", candidate.judged, stable.judged),
        _Kind("corrections expected", expected, stable.corrections),
    )
    return tuple(kind for kind in kinds if kind.stable)


def _needed(pair: Pair) -> str:
    return f"{pair.min_count} needed of each"
