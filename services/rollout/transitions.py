"""The life of one rollout: state, observation, policy and time in; the next state and its reason out.

loading -> shadow -> canary step 0 .. n -> promoted
   |         |          +-> rolled_back
   |         +-> rolled_back
   +-> failed

That is the strategy `canary`. `blue-green` goes from shadow to promoted, and `shadow-only` stays in shadow until
it is given up: a person's order promotes it (services.rollout.lanes).

An app's first version has nothing to be compared with and goes from loading to promoted, unless it may only shadow.
"""

from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from schemas.durations import parse_duration
from schemas.learning import RolloutState
from schemas.rollout_policy import RolloutPolicy
from schemas.tasks import Task
from services.rollout.figures import NOTHING, Figures
from services.rollout.judge import Verdict, judge
from services.rollout.states import FINAL, Rollout


@dataclass(frozen=True, slots=True)
class Observation:
    """What is known of a rollout's version at one instant.

    Attributes:
        loaded: Every replica lists it.
        refusal: Why a replica will never load it; empty while there is hope.
        pending: Why it is not loaded yet, for the reason of giving up.
        candidate: Its figures in its present role since the state began.
        stable: The stable version's over the same time.
        task: What the app does.
    """

    loaded: bool = False
    refusal: str = ""
    pending: str = ""
    candidate: Figures = NOTHING
    stable: Figures = NOTHING
    task: Task = "classify"


@dataclass(frozen=True, slots=True)
class Move:
    """A rollout's next state, and the figures behind it."""

    rollout: Rollout
    evidence: dict[str, float] = field(default_factory=dict)


def advanced(rollout: Rollout, observation: Observation, policy: RolloutPolicy, now: datetime) -> Move | None:
    """Return the rollout's next state, or None while it stays where it is. Final states stay for ever."""
    if rollout.state in FINAL:
        return None
    if rollout.state is RolloutState.LOADING:
        return _after_loading(rollout, observation, policy, now)
    if rollout.state is RolloutState.SHADOW:
        return _after_shadow(rollout, observation, policy, now)
    return _after_canary(rollout, observation, policy, now)


def share_of(rollout: Rollout, policy: RolloutPolicy) -> float:
    """Return the share of users that the version answers."""
    if rollout.state is RolloutState.PROMOTED:
        return 1.0
    if rollout.state is not RolloutState.CANARY:
        return 0.0
    return policy.steps[min(rollout.step, len(policy.steps) - 1)] if policy.steps else 0.0


def _after_loading(rollout: Rollout, seen: Observation, policy: RolloutPolicy, now: datetime) -> Move | None:
    if seen.refusal:
        return _moved(rollout, RolloutState.FAILED, now, f"could not be loaded: {seen.refusal}")
    first = not rollout.previous_version and policy.strategy != "shadow-only"
    if seen.loaded and first and not rollout.override_by:
        return _moved(rollout, RolloutState.PROMOTED, now, "first version: loaded on every replica, nothing to compare")
    if seen.loaded:
        return _moved(rollout, RolloutState.SHADOW, now, "loaded on every replica")
    if _spent(rollout, policy.give_up_after, now):
        return _moved(rollout, RolloutState.FAILED, now, f"not loaded within {policy.give_up_after}: {seen.pending}")
    return None


def _after_shadow(rollout: Rollout, seen: Observation, policy: RolloutPolicy, now: datetime) -> Move | None:
    verdict = judge(seen.candidate, seen.stable, policy, latency=False, task=seen.task)
    evidence = {**verdict.evidence, "share": 0.0}
    due = _spent(rollout, policy.shadow_for, now) and seen.loaded
    if rollout.override_by and policy.strategy == "canary":
        # The order was to go past what holds it back; the canary's judge, who protects users, stays. Where there
        # is no canary, the shadow's judge is the only one.
        reason = f"shadow's time is over; ordered by {rollout.override_by}"
        return _to_canary(rollout, now, reason, evidence) if due else None
    if verdict.harm:
        return _moved(rollout, RolloutState.ROLLED_BACK, now, f"worse in shadow: {verdict.harm}", evidence)
    lacking, said = _shadow_standing(seen, verdict, policy)
    if due and not lacking and policy.strategy != "shadow-only":
        return _out_of_shadow(rollout, policy, now, f"{said}, none worse than allowed", evidence)
    if _spent(rollout, policy.give_up_after, now):
        reason = f"shadow not judged within {policy.give_up_after}: {lacking}"
        if not lacking:
            reason = f"nobody ordered its promotion within {policy.give_up_after}: {said}"
        return _moved(rollout, RolloutState.ROLLED_BACK, now, reason, evidence)
    return None


def _shadow_standing(seen: Observation, verdict: Verdict, policy: RolloutPolicy) -> tuple[str, str]:
    """Return what a shadow still needs, and what it rests on.

    Before a canary a classifier needs judged answers and no more; where none comes, it has to be fit as well.
    """
    said = f"{seen.candidate.judged} mirrored answers judged"
    if seen.task == "classify" and policy.strategy == "canary":
        return ("" if seen.candidate.judged >= policy.min_count and seen.loaded else said), said
    return verdict.lacking or ("" if seen.loaded else seen.pending), verdict.said


def _out_of_shadow(
    rollout: Rollout, policy: RolloutPolicy, now: datetime, reason: str, evidence: dict[str, float]
) -> Move:
    if policy.strategy == "canary":
        return _to_canary(rollout, now, reason, evidence)
    return _moved(rollout, RolloutState.PROMOTED, now, f"everybody at once: {reason}", evidence)


def _after_canary(rollout: Rollout, seen: Observation, policy: RolloutPolicy, now: datetime) -> Move | None:
    verdict = judge(seen.candidate, seen.stable, policy, task=seen.task)
    evidence = {**verdict.evidence, "share": share_of(rollout, policy)}
    if verdict.harm:
        return _moved(rollout, RolloutState.ROLLED_BACK, now, verdict.harm, evidence)
    if _spent(rollout, policy.step_for, now) and not verdict.lacking and seen.loaded:
        return _after_step(rollout, policy, now, verdict)
    if _spent(rollout, policy.give_up_after, now):
        reason = f"not judged fit within {policy.give_up_after}: {verdict.lacking or seen.pending}"
        return _moved(rollout, RolloutState.ROLLED_BACK, now, reason, evidence)
    return None


def _after_step(rollout: Rollout, policy: RolloutPolicy, now: datetime, verdict: Verdict) -> Move:
    evidence = {**verdict.evidence, "share": share_of(rollout, policy)}
    if rollout.step + 1 >= len(policy.steps):
        return _moved(rollout, RolloutState.PROMOTED, now, f"passed every canary step: {verdict.said}", evidence)
    return _to_canary(rollout, now, f"passed step {rollout.step}: {verdict.said}", evidence, step=rollout.step + 1)


def _to_canary(rollout: Rollout, now: datetime, reason: str, evidence: dict[str, float], *, step: int = 0) -> Move:
    moved = msgspec.structs.replace(rollout, state=RolloutState.CANARY, step=step, since=now, reason=reason)
    return Move(moved, evidence)


def _moved(
    rollout: Rollout, state: RolloutState, now: datetime, reason: str, evidence: dict[str, float] | None = None
) -> Move:
    return Move(msgspec.structs.replace(rollout, state=state, step=0, since=now, reason=reason), evidence or {})


def _spent(rollout: Rollout, duration: str, now: datetime) -> bool:
    return now - rollout.since >= parse_duration(duration)
