"""Blue-green and shadow-only: from shadow to everybody at once, or not before a person's word."""

import msgspec

from schemas.learning import RolloutOrdered, RolloutState
from schemas.rollout_policy import RolloutPolicy
from services.rollout.figures import Figures
from services.rollout.lanes import after_observation, after_order, after_training
from services.rollout.states import Lane
from services.rollout.transitions import Observation
from tests.services.rollout.builders import APP, POLICY, at, judged, ordered, trained

V1, V2 = "prompt-guard-v1", "prompt-guard-v2"
GREEN = msgspec.structs.replace(POLICY, strategy="blue-green")
SHADOW = msgspec.structs.replace(POLICY, strategy="shadow-only")
GOOD = Observation(loaded=True, candidate=judged(400, 0.95), stable=judged(400, 0.9))
DOUBTFUL = Observation(loaded=True, candidate=judged(40, 0.85), stable=judged(400, 0.9))
BAD = Observation(loaded=True, candidate=judged(40, 0.2), stable=judged(400, 0.9))


def promotion(version: str, order: str = "order-2") -> RolloutOrdered:
    return msgspec.structs.replace(ordered(version, order=order), action="promote")


def shadowed(policy: RolloutPolicy, *, passed: bool = True) -> Lane:
    lane = Lane(app=APP, stables=("", V1))
    lane = after_training(lane, trained(V2, passed=passed), policy, at(0)).lane
    if not passed:
        lane = after_order(lane, ordered(V2, override=True), policy, at(0)).lane
    return after_observation(lane, Observation(loaded=True), policy, at(1)).lane


def states(lane: Lane, seen: Observation, policy: RolloutPolicy, seconds: float) -> list[RolloutState]:
    return [change.state for change in after_observation(lane, seen, policy, at(seconds)).changes]


def test_blue_green_goes_from_shadow_to_everybody_and_keeps_the_former_version_loaded() -> None:
    outcome = after_observation(shadowed(GREEN), GOOD, GREEN, at(12))
    (change,) = outcome.changes
    assert change.state is RolloutState.PROMOTED
    assert [(route.adapter_version, route.weight) for route in change.routes] == [(V2, 1.0)]
    assert outcome.lane.wanted == {V1, V2}


def test_blue_green_promotes_nothing_that_is_not_fit() -> None:
    assert states(shadowed(GREEN), DOUBTFUL, GREEN, 12) == []
    assert states(shadowed(GREEN), BAD, GREEN, 12) == [RolloutState.ROLLED_BACK]


def test_without_a_canary_an_override_does_not_pass_the_shadows_judge() -> None:
    assert states(shadowed(GREEN, passed=False), BAD, GREEN, 12) == [RolloutState.ROLLED_BACK]


def test_a_text_shadow_goes_on_by_its_answers() -> None:
    seen = Observation(loaded=True, candidate=Figures(responses=40), stable=Figures(responses=80), task="write")
    assert states(shadowed(POLICY), seen, POLICY, 12) == [RolloutState.CANARY]


def test_shadow_only_waits_for_an_order_however_good_it_is() -> None:
    lane = shadowed(SHADOW)
    assert states(lane, GOOD, SHADOW, 300) == []
    (change,) = after_order(lane, promotion(V2), SHADOW, at(301)).changes
    assert (change.state, change.reason) == (RolloutState.PROMOTED, "ordered by ada: by hand")
    assert [(route.adapter_version, route.weight) for route in change.routes] == [(V2, 1.0)]


def test_shadow_only_ends_when_nobody_orders_and_when_it_is_worse() -> None:
    (change,) = after_observation(shadowed(SHADOW), GOOD, SHADOW, at(700)).changes
    assert change.state is RolloutState.ROLLED_BACK
    assert "nobody ordered its promotion within 10m" in change.reason
    assert states(shadowed(SHADOW), BAD, SHADOW, 12) == [RolloutState.ROLLED_BACK]


def test_a_first_version_that_may_only_shadow_answers_nobody() -> None:
    lane = after_training(Lane(app=APP), trained(V1), SHADOW, at(0)).lane
    assert states(lane, Observation(loaded=True), SHADOW, 1) == [RolloutState.SHADOW]


def test_a_promotion_of_what_is_not_in_shadow_or_goes_by_figures_is_refused() -> None:
    for lane, policy, said in (
        (Lane(app=APP, stables=("", V1)), SHADOW, "is not in shadow"),
        (shadowed(POLICY), POLICY, "the strategy is canary"),
        (shadowed(GREEN), GREEN, "the strategy is blue-green"),
    ):
        (change,) = after_order(lane, promotion(V2), policy, at(5)).changes
        assert change.state is RolloutState.REFUSED
        assert said in change.reason
