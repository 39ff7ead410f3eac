"""The gate: may a candidate adapter be rolled out? A decision over answers, no model in sight.

Three questions, with three burdens of proof:

1. recent (the traffic the alert is about): the candidate must be *shown* to be better: the one-sided
   95 % bound on its gain is above 0, on at least `min_count` prompts.
2. earlier (what the incumbent already did well): a loss beyond `earlier_margin` must be *ruled out*:
   the same bound is at least minus the margin (non-inferiority). A set too small to rule anything out
   refuses; no earlier traffic at all does not.
3. slices (each tag, each label of recent traffic): an *observed* loss beyond the slice's margin refuses.
   Slices are many and small, so nothing is proved about them; a regression smaller than the margin, or
   on a slice of fewer than MIN_SLICE prompts, may pass. Such slices are reported, not judged.

What an answer is worth is the task's primary metric: right or wrong, or a grade between 0 and 1. An app that
writes is asked two questions more, of its conduct and of its cost (training.judging.conduct).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np

from schemas.gate_policy import GatePolicy
from schemas.learning import Accuracy, GateReport, SliceResult
from schemas.proportions import accuracy
from training.data.dataset import Example
from training.judging.conduct import Conduct, checked
from training.judging.statistics import Values, count_to_prove, difference_bound, mean_interval

MIN_SLICE = 20
Role = Literal["recent", "earlier", "slice"]


@dataclass(frozen=True, slots=True)
class Judged:
    """A held-out prompt that candidate and incumbent have both answered.

    Attributes:
        recent: Whether it belongs to the traffic that the alert is about.
        slice: The request's own slice tag, empty without one.
        label: The right answer of a classifier; empty for the others.
        candidate_correct: What the candidate's answer is worth, 0 to 1, or whether it is right.
        incumbent_correct: Likewise.
        said: `wanted` or `unwanted` where a thumb or a rating is all that is known of it.
    """

    recent: bool
    slice: str
    label: str
    candidate_correct: float
    incumbent_correct: float
    said: str = ""


def decide(
    judged: Sequence[Judged],
    policy: GatePolicy,
    *,
    seed: int,
    metric: str = "accuracy",
    conduct: Conduct | None = None,
) -> GateReport:
    """Return the verdict with every comparison behind it and its reasons in words.

    A pure function: the same answers, policy and seed give the same report.

    Args:
        judged: Every held-out prompt.
        policy: Margins.
        seed: Of the resampling.
        metric: What the answers were judged by.
        conduct: How both versions behave and what their answers cost; None where answers are labels.
    """
    recent = _recent(judged, policy, seed)
    results, reasons = [recent[0]], [recent[1]]
    earlier = [row for row in judged if not row.recent]
    if earlier:
        result, reason = _earlier(earlier, policy, seed)
        results.append(result)
        reasons.append(reason)
    else:
        reasons.append("earlier: no labelled traffic from before, nothing to lose")
    for name, rows in slices_of(judged).items():
        result, reason = _slice(name, rows, policy, seed)
        results.append(result)
        reasons += [reason] if reason else []
    checks, said = checked(conduct, policy, seed=seed) if conduct else ((), ())
    return GateReport(
        passed=all(result.passed for result in results) and all(check.passed for check in checks),
        reasons=(*reasons, *said),
        slices=tuple(results),
        metric=metric,
        checks=checks,
    )


def trusted(held_out: Sequence[Example], policy: GatePolicy) -> list[Example]:
    """Return the held-out prompts that are asked: those that somebody judged who is trusted as the policy says.

    A hold-out is drawn from the same feedback as what is learnt. Where curation can't tell who spoils it, a candidate
    that has learnt the poison is right by the poisoned part of it.
    """
    return [example for example in held_out if example.trust >= policy.trusted_from]


def slices_of(judged: Sequence[Judged]) -> dict[str, list[Judged]]:
    """Return the judged prompts by slice: each tag over all traffic, each label and word over recent traffic.

    Where some answers were unwanted and others wanted, a candidate that avoids the ones must still give the others.
    """
    found: dict[str, list[Judged]] = {}
    avoids = any(row.recent and row.said == "unwanted" for row in judged)
    for row in judged:
        if row.slice:
            found.setdefault(row.slice, []).append(row)
        if row.recent and row.label:
            found.setdefault(f"label={row.label}", []).append(row)
        if row.recent and row.said and avoids:
            found.setdefault(f"said={row.said}", []).append(row)
    return dict(sorted(found.items()))


def _recent(judged: Sequence[Judged], policy: GatePolicy, seed: int) -> tuple[SliceResult, str]:
    rows = [row for row in judged if row.recent]
    result = _compared("recent", "recent", rows, margin=0.0, seed=seed)
    if len(rows) < policy.min_count:
        return result, f"recent: {len(rows)} held-out prompts, at least {policy.min_count} are needed"
    verdict = "better" if result.bound > 0 else "not shown to be better"
    return _with_verdict(result, result.bound > 0), f"recent: {verdict}, {_figures(result)}"


def _earlier(rows: Sequence[Judged], policy: GatePolicy, seed: int) -> tuple[SliceResult, str]:
    result = _compared("earlier", "earlier", rows, margin=policy.earlier_margin, seed=seed)
    needed = count_to_prove(policy.earlier_margin)
    if len(rows) < needed:
        return result, (
            f"earlier: {len(rows)} held-out prompts can't rule out a loss of {policy.earlier_margin:.3f}, "
            f"at least {needed} are needed"
        )
    passed = result.bound >= -policy.earlier_margin
    verdict = "a loss beyond the margin is ruled out" if passed else "a loss beyond the margin is not ruled out"
    return _with_verdict(result, passed), f"earlier: {verdict}, {_figures(result)}, margin {policy.earlier_margin:.3f}"


def _slice(name: str, rows: Sequence[Judged], policy: GatePolicy, seed: int) -> tuple[SliceResult, str]:
    margin = policy.slice_margins.get(name, policy.slice_margin)
    result = _compared(name, "slice", rows, margin=margin, seed=seed)
    loss = result.incumbent.value - result.candidate.value
    if len(rows) < MIN_SLICE:
        reason = f"slice {name}: looks worse, but {len(rows)} prompts are too few to judge" if loss > margin else ""
        return _with_verdict(result, True), reason
    # A rounding error must not refuse a loss that equals its margin.
    passed = loss <= margin + 1e-9
    reason = "" if passed else f"slice {name}: worse, {_figures(result)}, margin {margin:.3f}"
    return _with_verdict(result, passed), reason


def _compared(name: str, role: Role, rows: Sequence[Judged], *, margin: float, seed: int) -> SliceResult:
    """Return the comparison with its verdict still negative."""
    candidate = np.array([row.candidate_correct for row in rows], dtype=np.float64)
    incumbent = np.array([row.incumbent_correct for row in rows], dtype=np.float64)
    return SliceResult(
        name=name,
        role=role,
        candidate=_worth(candidate),
        incumbent=_worth(incumbent),
        margin=margin,
        bound=difference_bound(candidate, incumbent, seed=seed),
        passed=False,
    )


def _worth(values: Values) -> Accuracy:
    right = int(np.sum(values == 1.0))
    if np.isin(values, (0.0, 1.0)).all():
        return accuracy(right, int(values.size))
    low, high = mean_interval(values)
    return Accuracy(correct=right, count=int(values.size), low=low, high=high, mean=float(values.mean()))


def _with_verdict(result: SliceResult, passed: bool) -> SliceResult:
    return msgspec.structs.replace(result, passed=passed)


def _figures(result: SliceResult) -> str:
    return (
        f"{result.candidate.value:.3f} against {result.incumbent.value:.3f} on {result.candidate.count} prompts, "
        f"lower 95 % bound of the difference {result.bound:+.3f}"
    )
