"""A person's word before a rollout: under `approve: human` a version that passed the gate is held until it is given.

Nothing loads a held version. Approved, its rollout goes on under the id that it was held by; refused, or not
approved within `approve_within`, it is refused with the reason, and only an order past the gate brings it out then.
A version that passes while another is held takes its place: a person is asked about the newest alone.

Pure, like services.rollout.lanes, which does the rest of what news do.
"""

from datetime import datetime

import msgspec

from schemas.durations import parse_duration
from schemas.gate_policy import GatePolicy
from schemas.learning import AdapterTrained, RolloutOrdered, RolloutState
from schemas.rollout_policy import RolloutPolicy
from services.rollout.lanes import (
    Outcome,
    after_order,
    after_training,
    queued,
    refused,
    rollout_id_of,
    told,
)
from services.rollout.states import Adapter, Lane, Rollout

_WAITS = "waits for a person's approval"


def after_news(
    lane: Lane, news: AdapterTrained | RolloutOrdered, policy: RolloutPolicy, gate: GatePolicy, now: datetime
) -> Outcome:
    """Let a trained adapter or an order take effect, a person's word where the gate's policy asks for it."""
    if isinstance(news, AdapterTrained):
        needed = gate.approve == "human" and news.gate.passed
        return _held(lane, news, policy, gate, now) if needed else after_training(lane, news, policy, now)
    if news.action in ("approve", "refuse"):
        return _decided(lane, news, policy, now)
    adapter = lane.adapters.get(news.adapter_version)
    if news.action == "start" and adapter and adapter.withheld and not news.override_gate:
        how = f"{news.adapter_version} {adapter.withheld}; order it with override_gate to go past it"
        return refused(lane, _asked(news, now), how, policy, now)
    return _released(after_order(lane, news, policy, now))


def expired(lane: Lane, policy: RolloutPolicy, gate: GatePolicy, now: datetime) -> Outcome:
    """Refuse what nobody approved in time."""
    if lane.held is None or not gate.approve_within:
        return Outcome(lane)
    if now - lane.held.since < parse_duration(gate.approve_within):
        return Outcome(lane)
    return _withheld(lane, lane.held, f"was not approved within {gate.approve_within}", policy, now)


def _held(lane: Lane, trained: AdapterTrained, policy: RolloutPolicy, gate: GatePolicy, now: datetime) -> Outcome:
    version = trained.adapter_version
    first = Outcome(lane)
    if lane.held:
        first = _withheld(lane, lane.held, f"was superseded by {version} while it waited for approval", policy, now)
    rollout = Rollout(
        rollout_id=rollout_id_of(trained),
        adapter_version=version,
        previous_version=lane.stable,
        state=RolloutState.HELD,
        since=now,
        reason=f"passed the gate and {_WAITS}, {_how_long(gate)}",
    )
    adapter = Adapter(artifact_uri=trained.artifact_uri, passed=True, reasons=trained.gate.reasons, withheld=_WAITS)
    known = msgspec.structs.replace(
        first.lane,
        model=trained.model or lane.model,
        adapters={**first.lane.adapters, version: adapter},
        held=rollout,
    )
    second = told(known, rollout, policy, now)
    return Outcome(second.lane, (*first.changes, *second.changes))


def _decided(lane: Lane, order: RolloutOrdered, policy: RolloutPolicy, now: datetime) -> Outcome:
    held = lane.held
    if held is None or held.adapter_version != order.adapter_version:
        none = f"nothing to {order.action}: {order.adapter_version!r} does not wait for approval"
        return refused(lane, _asked(order, now), none, policy, now)
    if order.action == "refuse":
        return _withheld(lane, held, f"was refused by {order.ordered_by}: {order.reason}", policy, now)
    free = msgspec.structs.replace(_with_withheld(lane, held.adapter_version, ""), held=None)
    approved = msgspec.structs.replace(
        held,
        state=RolloutState.LOADING,
        since=now,
        reason=f"approved by {order.ordered_by}: {order.reason}",
    )
    return queued(free, approved, policy, now)


def _withheld(lane: Lane, held: Rollout, why: str, policy: RolloutPolicy, now: datetime) -> Outcome:
    kept = msgspec.structs.replace(_with_withheld(lane, held.adapter_version, why), held=None)
    return refused(kept, held, f"{held.adapter_version} {why}", policy, now)


def _with_withheld(lane: Lane, version: str, why: str) -> Lane:
    adapter = msgspec.structs.replace(lane.adapters[version], withheld=why)
    return msgspec.structs.replace(lane, adapters={**lane.adapters, version: adapter})


def _released(outcome: Outcome) -> Outcome:
    """Forget that a version is held which an order past the gate has brought on its way."""
    lane = outcome.lane
    on_its_way = {rollout.adapter_version for rollout in (lane.active, lane.waiting) if rollout}
    if lane.held is None or lane.held.adapter_version not in on_its_way:
        return outcome
    return Outcome(msgspec.structs.replace(lane, held=None), outcome.changes)


def _how_long(gate: GatePolicy) -> str:
    return f"for {gate.approve_within} at most" if gate.approve_within else "for as long as it takes"


def _asked(order: RolloutOrdered, now: datetime) -> Rollout:
    return Rollout(rollout_id=rollout_id_of(order), adapter_version=order.adapter_version, since=now)
