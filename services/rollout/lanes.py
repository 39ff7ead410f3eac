"""What an app's rollouts do with news: trained adapters, operators' orders, and progress of the one under way.

An order to go back to a version that served before (`back_to`) ends the rollout under way at once. The version
comes back as soon as every replica holds it, which is at once where it is loaded still; until then the lane is
`returning`, and no other rollout begins.

Each function returns the lane's next value and the changes to tell, in order. Nothing here acts.
"""

from dataclasses import dataclass
from datetime import datetime

import msgspec

from schemas.durations import parse_duration
from schemas.ids import derived_id
from schemas.learning import AdapterTrained, RolloutChanged, RolloutOrdered, RolloutState, Route
from schemas.rollout_policy import RolloutPolicy
from services.rollout.states import FINAL, Adapter, Lane, Rollout
from services.rollout.transitions import Observation, advanced, share_of

_MAX_REASON = 1024


@dataclass(frozen=True, slots=True)
class Outcome:
    """A lane's next value and what to tell about it."""

    lane: Lane
    changes: tuple[RolloutChanged, ...] = ()


def rollout_id_of(news: AdapterTrained | RolloutOrdered) -> str:
    """Return the id of the rollout that the news begins: the same however often it is delivered."""
    if isinstance(news, AdapterTrained):
        return derived_id("rollout", news.app, news.job_id, news.adapter_version)
    return derived_id("rollout", news.app, news.order_id)


def routes(lane: Lane, policy: RolloutPolicy) -> tuple[Route, ...]:
    """Return the app's whole routing table; the weights of the answering routes sum to 1."""
    active = lane.active
    share = share_of(active, policy) if active else 0.0
    table = [Route(adapter_version=lane.stable, variant="stable", weight=1.0 - share)]
    if active and active.state is RolloutState.CANARY:
        table.append(Route(adapter_version=active.adapter_version, variant="canary", weight=share))
    if active and active.state is RolloutState.SHADOW:
        table.append(Route(adapter_version=active.adapter_version, variant="shadow", mirror=policy.mirror))
    return tuple(table)


def after_training(lane: Lane, trained: AdapterTrained, policy: RolloutPolicy, now: datetime) -> Outcome:
    """A version passed the gate: it is rolled out. Or it did not: it is refused, and kept for an operator's order."""
    adapter = Adapter(artifact_uri=trained.artifact_uri, passed=trained.gate.passed, reasons=trained.gate.reasons)
    known = msgspec.structs.replace(
        lane, model=trained.model or lane.model, adapters={**lane.adapters, trained.adapter_version: adapter}
    )
    rollout = Rollout(rollout_id=rollout_id_of(trained), adapter_version=trained.adapter_version, since=now)
    if not trained.gate.passed:
        return _refused(known, rollout, f"the gate refused it: {'; '.join(trained.gate.reasons)}", policy, now)
    return _queued(known, rollout, policy, now)


def after_order(lane: Lane, order: RolloutOrdered, policy: RolloutPolicy, now: datetime) -> Outcome:
    """An operator orders a version to be rolled out, promoted or taken back."""
    override_by = order.ordered_by if order.override_gate and order.action == "start" else ""
    rollout = Rollout(
        rollout_id=rollout_id_of(order), adapter_version=order.adapter_version, since=now, override_by=override_by
    )
    reason = f"ordered by {order.ordered_by}: {order.reason}"
    if order.action == "promote":
        return _promoted(lane, rollout, reason, policy, now)
    if order.action == "roll_back" and (order.back_to is not None or not order.adapter_version):
        back_to = lane.previous if order.back_to is None else order.back_to
        return _returning(lane, msgspec.structs.replace(rollout, adapter_version=back_to), reason, policy, now)
    if order.action == "roll_back":
        return _taken_back(lane, rollout, reason, policy, now)
    objection = _objection(lane, order)
    return _refused(lane, rollout, objection, policy, now) if objection else _queued(lane, rollout, policy, now)


def after_observation(lane: Lane, seen: Observation, policy: RolloutPolicy, now: datetime) -> Outcome:
    """Move the rollout under way on if it is time; when it ends, the waiting one begins.

    While a version is to come back, what is seen is of that version.
    """
    if lane.returning:
        return _after_return(lane, lane.returning, seen, policy, now)
    move = advanced(lane.active, seen, policy, now) if lane.active else None
    if move is None:
        return Outcome(lane)
    moved = move.rollout
    after = lane.with_stables((*lane.stables, moved.adapter_version)) if moved.state is RolloutState.PROMOTED else lane
    active = None if moved.state in FINAL else moved
    told = _told(msgspec.structs.replace(after, active=active), moved, policy, now, move.evidence)
    return told if active else _next_begun(told, policy, now)


def _objection(lane: Lane, order: RolloutOrdered) -> str:
    version = order.adapter_version
    adapter = lane.adapters.get(version)
    if adapter is None:
        return f"no version {version!r} of {lane.app} has been trained"
    if version == lane.stable or (lane.active and lane.active.adapter_version == version):
        return f"{version} is already served or on its way"
    if not adapter.passed and not order.override_gate:
        return f"the gate refused {version}; order it with override_gate to go past it"
    return ""


def _queued(lane: Lane, rollout: Rollout, policy: RolloutPolicy, now: datetime) -> Outcome:
    if lane.active is None and lane.returning is None:
        return _begun(lane, rollout, policy, now)
    waiting = msgspec.structs.replace(lane, waiting=rollout)
    if lane.waiting is None:
        return Outcome(waiting)
    return _refused(waiting, lane.waiting, f"superseded by {rollout.adapter_version} while it waited", policy, now)


def _begun(lane: Lane, rollout: Rollout, policy: RolloutPolicy, now: datetime) -> Outcome:
    reason = f"ordered by {rollout.override_by} past the gate" if rollout.override_by else rollout.reason or "begins"
    begun = msgspec.structs.replace(rollout, previous_version=lane.stable, since=now, reason=reason)
    return _told(msgspec.structs.replace(lane, active=begun), begun, policy, now)


def _next_begun(outcome: Outcome, policy: RolloutPolicy, now: datetime) -> Outcome:
    lane = outcome.lane
    if lane.active or lane.returning or not lane.waiting:
        return outcome
    begun = _begun(msgspec.structs.replace(lane, waiting=None), lane.waiting, policy, now)
    return Outcome(begun.lane, (*outcome.changes, *begun.changes))


def _refused(lane: Lane, rollout: Rollout, reason: str, policy: RolloutPolicy, now: datetime) -> Outcome:
    refused = msgspec.structs.replace(
        rollout, state=RolloutState.REFUSED, previous_version=lane.stable, since=now, reason=reason
    )
    return _told(lane, refused, policy, now)


def _taken_back(lane: Lane, order: Rollout, reason: str, policy: RolloutPolicy, now: datetime) -> Outcome:
    version = order.adapter_version
    if lane.waiting and lane.waiting.adapter_version == version:
        return _refused(msgspec.structs.replace(lane, waiting=None), lane.waiting, reason, policy, now)
    if lane.active and lane.active.adapter_version == version:
        return _next_begun(_stopped(lane, reason, policy, now), policy, now)
    if version and version == lane.stable:
        return _stable_taken_back(lane, order, reason, policy, now)
    return _refused(lane, order, f"nothing to take back: {version!r} is neither served nor on its way", policy, now)


def _stopped(lane: Lane, reason: str, policy: RolloutPolicy, now: datetime) -> Outcome:
    if lane.active is None:
        return Outcome(lane)
    stopped = msgspec.structs.replace(lane.active, state=RolloutState.ROLLED_BACK, step=0, since=now, reason=reason)
    return _told(msgspec.structs.replace(lane, active=None), stopped, policy, now)


def _stable_taken_back(lane: Lane, order: Rollout, reason: str, policy: RolloutPolicy, now: datetime) -> Outcome:
    # Its comparison would be with a version that no longer serves, so a rollout under way ends too.
    first = _stopped(lane, f"its comparison {lane.stable} is taken back, {reason}", policy, now)
    back = msgspec.structs.replace(
        order, state=RolloutState.ROLLED_BACK, previous_version=lane.previous, since=now, reason=reason
    )
    second = _told(first.lane.with_stables(lane.stables[:-1]), back, policy, now)
    return _next_begun(Outcome(second.lane, (*first.changes, *second.changes)), policy, now)


def _promoted(lane: Lane, order: Rollout, reason: str, policy: RolloutPolicy, now: datetime) -> Outcome:
    active, version = lane.active, order.adapter_version
    if active is None or active.adapter_version != version or active.state is not RolloutState.SHADOW:
        return _refused(lane, order, f"nothing to promote: {version!r} is not in shadow", policy, now)
    if policy.strategy != "shadow-only":
        objection = f"the strategy is {policy.strategy}: {version} is promoted by its figures"
        return _refused(lane, order, objection, policy, now)
    promoted = msgspec.structs.replace(active, state=RolloutState.PROMOTED, since=now, reason=reason)
    told = _told(
        msgspec.structs.replace(lane.with_stables((*lane.stables, version)), active=None), promoted, policy, now
    )
    return _next_begun(told, policy, now)


def _returning(lane: Lane, order: Rollout, reason: str, policy: RolloutPolicy, now: datetime) -> Outcome:
    objection = _objection_to_return(lane, order.adapter_version)
    if objection:
        return _refused(lane, order, objection, policy, now)
    ended = _stopped(lane, reason, policy, now)
    if lane.returning:
        # Nothing is under way while a version is to come back.
        superseded = f"superseded by the return to {_named(order.adapter_version)}"
        ended = _refused(msgspec.structs.replace(lane, returning=None), lane.returning, superseded, policy, now)
    if order.adapter_version == lane.stable:
        return _next_begun(ended, policy, now)
    returning = msgspec.structs.replace(order, reason=reason, since=now)
    return Outcome(msgspec.structs.replace(ended.lane, returning=returning), ended.changes)


def _objection_to_return(lane: Lane, version: str) -> str:
    if version == lane.stable and not (lane.active or lane.returning):
        return f"{_named(version)} serves already"
    if version in lane.served:
        return ""
    adapter = lane.adapters.get(version)
    if adapter is None:
        return f"no version {version!r} of {lane.app} has been trained"
    passed = "it passed the gate, but never served everybody" if adapter.passed else "it never passed the gate"
    return f"{version} is nothing to go back to: {passed}"


def _after_return(lane: Lane, back: Rollout, seen: Observation, policy: RolloutPolicy, now: datetime) -> Outcome:
    version = back.adapter_version
    done = msgspec.structs.replace(lane, returning=None)
    if not version or seen.loaded:
        taken = msgspec.structs.replace(
            back, adapter_version=lane.stable, state=RolloutState.ROLLED_BACK, previous_version=version, since=now
        )
        return _next_begun(_told(done.with_stables(lane.back_at(version)), taken, policy, now), policy, now)
    if seen.refusal or now - back.since >= parse_duration(policy.give_up_after):
        why = f"{version} could not be loaded, {_named(lane.stable)} still serves: {seen.refusal or seen.pending}"
        return _next_begun(_refused(done, back, why, policy, now), policy, now)
    return Outcome(lane)


def _named(version: str) -> str:
    return version or "the base model"


def _told(
    lane: Lane, rollout: Rollout, policy: RolloutPolicy, now: datetime, evidence: dict[str, float] | None = None
) -> Outcome:
    sequence = lane.sequence + 1
    change = RolloutChanged(
        event_id=derived_id(rollout.rollout_id, sequence),
        occurred_at=now,
        app=lane.app,
        model=lane.model,
        adapter_version=rollout.adapter_version,
        rollout_id=rollout.rollout_id,
        state=rollout.state,
        sequence=sequence,
        step=rollout.step if rollout.state is RolloutState.CANARY else 0,
        previous_version=rollout.previous_version,
        routes=routes(lane, policy),
        reason=rollout.reason[:_MAX_REASON],
        evidence=evidence or {},
        override_by=rollout.override_by,
    )
    return Outcome(msgspec.structs.replace(lane, sequence=sequence), (change,))


# What services.rollout.approvals is built of.
queued, refused, told = _queued, _refused, _told
