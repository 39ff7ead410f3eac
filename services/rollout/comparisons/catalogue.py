"""Which comparisons an app's task asks for, with the margins of its policy.

A judge of pairs sees what a shadow answered; people see what a canary answered. Of a shadow only labels speak, of
stable all that people say: of an app that writes the two are not compared.
"""

from collections.abc import Callable

from schemas.rollout_policy import RolloutPolicy
from schemas.tasks import Task
from services.rollout.comparisons.amount_ratios import AmountRatio
from services.rollout.comparisons.classifying import Accuracy, Errors, TailLatency
from services.rollout.comparisons.comparison import Comparison
from services.rollout.comparisons.pairs import WinRate
from services.rollout.comparisons.shares import BadShare, Scale
from services.rollout.evidence.scored import FORMAT, REFUSAL, UNSAFE
from services.rollout.evidence.trials import NO_TRIALS, Trials, trials
from services.rollout.figures import Figures

STARS = Scale(5.0, -4.0)
CORRECTNESS = Scale(1.0, -1.0)


def comparisons_of(task: Task, policy: RolloutPolicy, *, shadow: bool) -> tuple[Comparison, ...]:
    """Return the comparisons of a stage; a shadow answers off the request path, so its times mean nothing."""
    latency = () if shadow else (TailLatency(policy.latency_ratio),)
    if task == "classify":
        return (Accuracy(policy.accuracy_margin), Errors(policy.error_margin), *latency)
    judge = policy.judge if shadow else None
    return (
        *(() if shadow else feedback_of(policy)),
        Errors(policy.error_margin),
        *latency,
        BadShare("refusals", "share of refusals", _scored(REFUSAL), policy.refusal_margin),
        BadShare("unsafe", "share of unsafe answers", _scored(UNSAFE), policy.unsafe_margin),
        BadShare("malformed", "share of answers without the form asked for", _scored(FORMAT), policy.format_margin),
        AmountRatio("tokens", "tokens of an answer", lambda f: f.tokens, policy.length_ratio, less_too=True),
        AmountRatio("cost_usd", "USD of an answer", lambda f: f.cost, policy.cost_ratio),
        *((WinRate(judge.margin, judge.needed),) if judge else ()),
    )


def feedback_of(policy: RolloutPolicy) -> tuple[BadShare, ...]:
    """Return the comparisons of what people say."""
    return (
        BadShare("correctness", "accuracy", _wrong, policy.accuracy_margin, True, CORRECTNESS),
        BadShare("rating", "mean rating", _stars_lost, policy.rating_margin / abs(STARS.width), True, STARS),
        BadShare("thumbs_down", "share of thumbs down", _thumbs_down, policy.thumbs_down_margin, True),
        BadShare("corrections", "share of corrected answers", _corrections, policy.correction_margin, True),
        BadShare("edits", "change by corrections", _edits, policy.edit_margin, True),
    )


def _wrong(figures: Figures) -> Trials:
    return Trials(figures.judged - figures.correct, figures.judged)


def _stars_lost(figures: Figures) -> Trials:
    return trials((STARS.zero * figures.ratings - figures.rating_sum) / abs(STARS.width), figures.ratings)


def _thumbs_down(figures: Figures) -> Trials:
    return trials(figures.thumbs_down, figures.thumbs)


def _corrections(figures: Figures) -> Trials:
    return trials(figures.corrections, figures.responses)


def _edits(figures: Figures) -> Trials:
    return trials(figures.edit_sum, figures.responses)


def _scored(name: str) -> Callable[[Figures], Trials]:
    return lambda figures: figures.scored.get(name, NO_TRIALS)
