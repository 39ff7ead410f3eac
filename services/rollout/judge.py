"""Is the candidate worse than what serves now? Asked whenever a window arrives; figures in, verdict out.

Three comparisons of candidate with stable, over windows of the same time: accuracy by feedback, share
of failed calls, 95th percentile of latency. Each has two sides:

Harm ends a rollout at once. It is claimed when the candidate is worse than stable by more than the
policy's margin with confidence: the near bound of Newcombe's interval for the difference of shares
(Newcombe 1998) lies beyond the margin. The comparison is repeated at every window, so its critical
value is that of a time-uniform boundary (Howard et al. 2021, see services.rollout.intervals) at level
HARM_ALPHA, divided among the canary's steps: a canary exactly at its margin is taken back without cause
in at most that share of rollouts for each comparison; one that equals stable, far more rarely.

Fitness is needed to go on. The candidate and stable each need `min_count` judged answers, and accuracy
must be non-inferior: the one-sided 95 % lower bound of the difference lies above minus the margin. Where
too few answers come for that bound (a margin of 0.05 takes about 200), a second rule admits a candidate
whose observed accuracy is not below stable's. Failed calls may exceed stable's by the margin, and of
latency the lower 95 % bound must keep within the ratio. A worse candidate may pass one step by the second
rule; that it passes all of them with growing counts is what tests/services/rollout/test_simulation.py
bounds.

Latency quantiles are compared by their order-statistic bounds: the q-quantile of n values lies between
the ranks n*q -+ z*sqrt(n*q*(1-q)) (Conover 1999, section 3.2).
"""

import math
from dataclasses import dataclass, field

from schemas.observations import Sketch
from schemas.rollout_policy import RolloutPolicy
from schemas.sketches import quantile
from services.rollout.figures import Figures
from services.rollout.intervals import critical_value, difference, information, sequential_critical_value

HARM_ALPHA = 0.05
FITNESS_ALPHA = 0.05
TAIL = 0.95


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the figures say.

    Attributes:
        harm: Why the candidate must go; empty when nothing speaks against it with confidence.
        lacking: What it still needs to go on; empty when it may.
        evidence: The figures behind both, for RolloutChanged.
    """

    harm: str
    lacking: str
    evidence: dict[str, float] = field(default_factory=dict)


def judge(candidate: Figures, stable: Figures, policy: RolloutPolicy, *, latency: bool = True) -> Verdict:
    """Return the verdict on a candidate.

    Args:
        candidate: Its figures since the step began.
        stable: The stable version's figures over the same time.
        policy: Margins and counts.
        latency: False leaves latency out: a shadow answers off the request path, its times mean nothing.
    """
    harms = [_accuracy_harm(candidate, stable, policy), _error_harm(candidate, stable, policy)]
    lacks = [_accuracy_lack(candidate, stable, policy), _error_lack(candidate, stable, policy)]
    if latency:
        harms.append(_latency_harm(candidate, stable, policy))
        lacks.append(_latency_lack(candidate, stable, policy))
    return Verdict(
        harm="; ".join(filter(None, harms)),
        lacking="; ".join(filter(None, lacks)),
        evidence=_evidence(candidate, stable, policy),
    )


def _alpha(policy: RolloutPolicy) -> float:
    return HARM_ALPHA / max(1, len(policy.steps))


def _accuracy_bounds(candidate: Figures, stable: Figures, policy: RolloutPolicy) -> tuple[float, float]:
    pair = (candidate.correct, candidate.judged), (stable.correct, stable.judged)
    often = sequential_critical_value(information(candidate.judged, stable.judged), _alpha(policy))
    return difference(*pair, critical_value(FITNESS_ALPHA)).low, difference(*pair, often).high


def _accuracy_harm(candidate: Figures, stable: Figures, policy: RolloutPolicy) -> str:
    _, high = _accuracy_bounds(candidate, stable, policy)
    if high >= -policy.accuracy_margin:
        return ""
    return (
        f"accuracy {candidate.accuracy:.3f} of {candidate.judged} is below stable's {stable.accuracy:.3f} of "
        f"{stable.judged}: the difference is at most {high:+.3f}, allowed is {-policy.accuracy_margin:+.3f}"
    )


def _accuracy_lack(candidate: Figures, stable: Figures, policy: RolloutPolicy) -> str:
    if min(candidate.judged, stable.judged) < policy.min_count:
        return f"{candidate.judged} answers judged, {stable.judged} of stable's; {policy.min_count} needed of each"
    low, _ = _accuracy_bounds(candidate, stable, policy)
    if low >= -policy.accuracy_margin or candidate.accuracy >= stable.accuracy:
        return ""
    return f"accuracy may be worse than stable's by {-low:.3f}, allowed is {policy.accuracy_margin:.3f}"


def _error_harm(candidate: Figures, stable: Figures, policy: RolloutPolicy) -> str:
    z = sequential_critical_value(information(candidate.responses, stable.responses), _alpha(policy))
    low = difference((candidate.errors, candidate.responses), (stable.errors, stable.responses), z).low
    if low <= policy.error_margin:
        return ""
    return (
        f"{candidate.errors} of {candidate.responses} calls failed, {stable.errors} of {stable.responses} of stable's"
    )


def _error_lack(candidate: Figures, stable: Figures, policy: RolloutPolicy) -> str:
    if candidate.error_ratio - stable.error_ratio <= policy.error_margin:
        return ""
    return f"error ratio {candidate.error_ratio:.3f} against stable's {stable.error_ratio:.3f}"


def _latency_harm(candidate: Figures, stable: Figures, policy: RolloutPolicy) -> str:
    if candidate.latency is None or stable.latency is None or candidate.latency.count < policy.min_count:
        return ""
    z = sequential_critical_value(information(candidate.latency.count, stable.latency.count), _alpha(policy))
    low, high = _tail_bound(candidate.latency, -z), _tail_bound(stable.latency, z)
    if low <= policy.latency_ratio * high:
        return ""
    return f"p95 latency is at least {low:.0f} ms, more than {policy.latency_ratio:g} times stable's {high:.0f} ms"


def _latency_lack(candidate: Figures, stable: Figures, policy: RolloutPolicy) -> str:
    if candidate.latency is None or stable.latency is None:
        return ""
    low = _tail_bound(candidate.latency, -critical_value(FITNESS_ALPHA))
    allowed = policy.latency_ratio * quantile(stable.latency, TAIL)
    return "" if low <= allowed else f"p95 latency is at least {low:.0f} ms, allowed is {allowed:.0f} ms"


def _tail_bound(sketch: Sketch, z: float) -> float:
    """Return the value at the tail's rank moved by z standard deviations of the rank."""
    return quantile(sketch, TAIL + z * math.sqrt(TAIL * (1 - TAIL) / max(sketch.count, 1)))


def _evidence(candidate: Figures, stable: Figures, policy: RolloutPolicy) -> dict[str, float]:
    low, high = _accuracy_bounds(candidate, stable, policy)
    figures: dict[str, float] = {
        "canary_accuracy": candidate.accuracy,
        "canary_count": candidate.judged,
        "stable_accuracy": stable.accuracy,
        "stable_count": stable.judged,
        "difference_low": low,
        "difference_high": high,
        "bound": -policy.accuracy_margin,
        "canary_responses": candidate.responses,
        "stable_responses": stable.responses,
        "canary_error_ratio": candidate.error_ratio,
        "stable_error_ratio": stable.error_ratio,
    }
    for role, sketch in (("canary", candidate.latency), ("stable", stable.latency)):
        if sketch is not None:
            figures[f"{role}_latency_ms_p95"] = quantile(sketch, TAIL)
    return figures
