"""Is the candidate worse than what serves now? Asked whenever a window arrives; figures in, verdict out.

Comparisons of candidate with stable, over windows of the same time: which ones, says the app's task
(services.rollout.comparisons.catalogue). Each has two sides:

Harm ends a rollout at once. It is claimed when the candidate is worse than stable by more than the
policy's margin with confidence: the near bound of Newcombe's interval for the difference of shares
(Newcombe 1998) lies beyond the margin. The comparison is repeated at every window, so its critical
value is that of a time-uniform boundary (Howard et al. 2021, see services.rollout.intervals). Of an app that
classifies its level is HARM_ALPHA, divided among the canary's steps: a canary exactly at its margin is taken
back without cause in at most that share of rollouts for each comparison; one that equals stable, far more
rarely. Of the others, which have a dozen comparisons, HARM_ALPHA is divided among comparisons and stages,
so that it bounds the whole rollout.

Fitness is needed to go on. The candidate and stable each need `min_count` judged answers, and accuracy
must be non-inferior: the one-sided 95 % lower bound of the difference lies above minus the margin. Where
too few answers come for that bound (a margin of 0.05 takes about 200), a second rule admits a candidate
whose observed accuracy is not below stable's; so it is with every kind of feedback. Failed calls and scored
shares may exceed stable's by the margin, and of latency the lower 95 % bound must keep within the ratio. A worse
candidate may pass one step by the second rule; that it passes all of them with growing counts is what
tests/services/rollout/test_simulation.py bounds.
"""

from dataclasses import dataclass, field

from schemas.rollout_policy import RolloutPolicy
from schemas.sketches import quantile
from schemas.tasks import Task
from services.rollout.comparisons.catalogue import comparisons_of
from services.rollout.comparisons.classifying import TAIL
from services.rollout.comparisons.comparison import Pair
from services.rollout.comparisons.feedback import feedback_lack, feedback_said
from services.rollout.figures import Figures

HARM_ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the figures say.

    Attributes:
        harm: Why the candidate must go; empty when nothing speaks against it with confidence.
        lacking: What it still needs to go on; empty when it may.
        evidence: The figures behind both, for RolloutChanged.
        said: What the judgement rests on, for the reason of a step.
    """

    harm: str
    lacking: str
    evidence: dict[str, float] = field(default_factory=dict)
    said: str = ""


def judge(
    candidate: Figures, stable: Figures, policy: RolloutPolicy, *, latency: bool = True, task: Task = "classify"
) -> Verdict:
    """Return the verdict on a candidate.

    Args:
        candidate: Its figures since the step began.
        stable: The stable version's figures over the same time.
        policy: Margins and counts.
        latency: False leaves latency out: a shadow answers off the request path, its times mean nothing. Nor do
            people see it.
        task: What the app does.
    """
    shadow = not latency
    comparisons = comparisons_of(task, policy, shadow=shadow)
    alpha = _alpha(policy, len(comparisons), task)
    pair = Pair(candidate, stable, alpha, policy.min_count)
    lacks = [comparison.lack(pair) for comparison in comparisons]
    if task == "classify":
        said = f"accuracy {candidate.accuracy:.3f} against stable's {stable.accuracy:.3f}"
    else:
        lacks.insert(0, feedback_lack(pair, shadow=shadow))
        said = feedback_said(pair, policy, shadow=shadow)
    evidence = _common_evidence(pair)
    for comparison in comparisons:
        evidence |= comparison.evidence(pair)
    return Verdict(
        harm="; ".join(filter(None, (comparison.harm(pair) for comparison in comparisons))),
        lacking="; ".join(filter(None, lacks)),
        evidence=evidence,
        said=said,
    )


def _alpha(policy: RolloutPolicy, comparisons: int, task: Task) -> float:
    """Return the level of one comparison in one stage."""
    steps = len(policy.steps)
    if task == "classify":
        return HARM_ALPHA / max(1, steps)
    return HARM_ALPHA / comparisons / (1 + steps if policy.strategy == "canary" else 1)


def _common_evidence(pair: Pair) -> dict[str, float]:
    candidate, stable = pair.candidate, pair.stable
    figures: dict[str, float] = {
        "canary_accuracy": candidate.accuracy,
        "canary_count": candidate.judged,
        "stable_accuracy": stable.accuracy,
        "stable_count": stable.judged,
        "canary_responses": candidate.responses,
        "stable_responses": stable.responses,
        "canary_error_ratio": candidate.error_ratio,
        "stable_error_ratio": stable.error_ratio,
    }
    for role, sketch in (("canary", candidate.latency), ("stable", stable.latency)):
        if sketch is not None:
            figures[f"{role}_latency_ms_p95"] = quantile(sketch, TAIL)
    return figures
