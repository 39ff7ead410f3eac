"""Back to a version that served before, by an operator's order."""

from typing import Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.learning import RolloutChanged, RolloutOrdered, RolloutState
from schemas.rollout_policy import RolloutPolicy
from services.rollout.lanes import Outcome, after_observation, after_order, after_training
from services.rollout.states import FINAL, Lane
from services.rollout.transitions import Observation
from tests.services.rollout.builders import APP, POLICY, at, judged, ordered, trained

V1, V2, V3, V4 = (f"prompt-guard-v{number}" for number in range(1, 5))
LOADED, MISSING = Observation(loaded=True), Observation(pending="not every replica lists it")


def back(version: str | None, order: str = "back-1") -> RolloutOrdered:
    return msgspec.structs.replace(ordered("", "roll_back", order=order), back_to=version)


def serving(*versions: str) -> Lane:
    lane = Lane(app=APP)
    for version in versions:
        lane = after_training(lane, trained(version), POLICY, at(0)).lane
        lane = msgspec.structs.replace(lane, active=None).with_stables((*lane.stables, version))
    return lane


def returned(lane: Lane, version: str | None, order: str = "back-1") -> tuple[Lane, list[RolloutChanged]]:
    """Order a version back, and see it loaded on every replica."""
    first = after_order(lane, back(version, order), POLICY, at(1))
    second = after_observation(first.lane, LOADED, POLICY, at(1.3))
    return second.lane, [*first.changes, *second.changes]


def test_a_version_of_long_ago_comes_back_with_who_ordered_it_and_why() -> None:
    lane, (change,) = returned(serving(V1, V2, V3), V1)
    assert (change.state, change.adapter_version, change.previous_version) == (RolloutState.ROLLED_BACK, V3, V1)
    assert change.reason == "ordered by ada: by hand"
    assert [(route.adapter_version, route.weight) for route in change.routes] == [(V1, 1.0)]
    assert (lane.stable, lane.previous, lane.returning) == (V1, "", None)


@pytest.mark.parametrize(("version", "serves"), [(None, V2), (V2, V2), ("", "")])
def test_the_default_is_the_version_before_and_empty_is_the_base_model(version: str | None, serves: str) -> None:
    assert returned(serving(V1, V2, V3), version)[0].stable == serves


def test_the_base_model_needs_no_loading() -> None:
    lane = after_order(serving(V1), back(""), POLICY, at(1)).lane
    assert after_observation(lane, MISSING, POLICY, at(1.3)).lane.stable == ""


def test_a_version_that_was_taken_back_can_be_gone_back_to_again() -> None:
    lane, _ = returned(serving(V1, V2, V3), V1)
    lane, (change,) = returned(lane, V2, "back-2")
    assert (lane.stable, lane.previous, change.previous_version) == (V2, V1, V2)


def test_users_keep_what_serves_until_the_replicas_hold_the_version() -> None:
    outcome = after_order(serving(V1, V2, V3), back(V1), POLICY, at(1))
    assert (outcome.changes, outcome.lane.stable) == ((), V3)
    assert outcome.lane.wanted == {V1, V2, V3}
    waiting = after_observation(outcome.lane, MISSING, POLICY, at(5))
    assert (waiting.changes, waiting.lane.stable) == ((), V3)
    assert after_observation(waiting.lane, LOADED, POLICY, at(6)).lane.stable == V1


@pytest.mark.parametrize("seen", [Observation(refusal="no such folder"), MISSING])
def test_a_version_that_cannot_be_loaded_is_refused_and_users_keep_what_serves(seen: Observation) -> None:
    lane = after_order(serving(V1, V2, V3), back(V1), POLICY, at(1)).lane
    outcome = after_observation(lane, seen, POLICY, at(700))
    (change,) = outcome.changes
    assert change.state is RolloutState.REFUSED
    assert f"{V1} could not be loaded, {V3} still serves" in change.reason
    assert (outcome.lane.stable, outcome.lane.returning) == (V3, None)


def test_a_rollout_under_way_ends_at_once_and_the_waiting_one_begins_after_the_return() -> None:
    lane = after_training(serving(V1, V2), trained(V3), POLICY, at(0)).lane
    lane = after_training(lane, trained(V4), POLICY, at(0)).lane
    first = after_order(lane, back(V1), POLICY, at(1))
    assert [(c.adapter_version, c.state, c.reason) for c in first.changes] == [
        (V3, RolloutState.ROLLED_BACK, "ordered by ada: by hand")
    ]
    second = after_observation(first.lane, LOADED, POLICY, at(2))
    assert [(c.adapter_version, c.state, c.previous_version) for c in second.changes] == [
        (V2, RolloutState.ROLLED_BACK, V1),
        (V4, RolloutState.LOADING, V1),
    ]


def test_to_go_back_to_what_serves_ends_the_rollout_under_way_and_no_more() -> None:
    lane = after_training(serving(V1, V2), trained(V3), POLICY, at(0)).lane
    outcome = after_order(lane, back(V2), POLICY, at(1))
    assert [(c.adapter_version, c.state) for c in outcome.changes] == [(V3, RolloutState.ROLLED_BACK)]
    assert (outcome.lane.stable, outcome.lane.returning, outcome.lane.active) == (V2, None, None)


def test_what_is_trained_meanwhile_waits() -> None:
    lane = after_order(serving(V1, V2, V3), back(V1), POLICY, at(1)).lane
    outcome = after_training(lane, trained(V4), POLICY, at(2))
    assert (outcome.changes, outcome.lane.active) == ((), None)
    assert outcome.lane.waiting is not None


def test_a_second_order_supersedes_the_first() -> None:
    lane = after_order(serving(V1, V2, V3), back(V1), POLICY, at(1)).lane
    outcome = after_order(lane, back(V2, "back-2"), POLICY, at(2))
    (change,) = outcome.changes
    assert (change.state, change.adapter_version) == (RolloutState.REFUSED, V1)
    assert after_observation(outcome.lane, LOADED, POLICY, at(3)).lane.stable == V2


def test_to_go_back_to_what_serves_calls_off_a_return_that_waits() -> None:
    lane = after_order(serving(V1, V2, V3), back(V1), POLICY, at(1)).lane
    outcome = after_order(lane, back(V3, "back-2"), POLICY, at(2))
    assert [(c.adapter_version, c.state) for c in outcome.changes] == [(V1, RolloutState.REFUSED)]
    assert (outcome.lane.stable, outcome.lane.returning) == (V3, None)


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("other-app-v1", "no version 'other-app-v1' of prompt-guard has been trained"),
        (V3, "it never passed the gate"),
        (V4, "it passed the gate, but never served everybody"),
        (V2, f"{V2} serves already"),
    ],
)
def test_what_is_nothing_to_go_back_to_is_refused_and_changes_no_route(version: str, said: str) -> None:
    lane = after_training(serving(V1, V2), trained(V3, passed=False), POLICY, at(0)).lane
    lane = after_training(lane, trained(V4), POLICY, at(0)).lane
    lane = msgspec.structs.replace(lane, active=None)
    outcome = after_order(lane, back(version), POLICY, at(1))
    (change,) = outcome.changes
    assert change.state is RolloutState.REFUSED
    assert said in change.reason
    assert [(route.adapter_version, route.weight) for route in change.routes] == [(V2, 1.0)]


def test_a_refused_return_leaves_a_rollout_under_way_alone() -> None:
    lane = after_training(serving(V1, V2), trained(V3), POLICY, at(0)).lane
    outcome = after_order(lane, back("unheard-of"), POLICY, at(1))
    assert outcome.lane.active == lane.active


def test_an_app_without_a_version_has_nothing_to_go_back_to() -> None:
    (change,) = after_order(Lane(app=APP), back(None), POLICY, at(1)).changes
    assert "the base model serves already" in change.reason


ACTIONS = st.lists(
    st.tuples(st.just("trained"), st.sampled_from((V1, V2, V3)), st.booleans())
    | st.tuples(st.just("back"), st.sampled_from((V1, V2, V3, "", None, "unheard-of")), st.just(True))
    | st.tuples(st.just("promote"), st.sampled_from((V1, V2, V3)), st.just(True))
    | st.tuples(st.just("seen"), st.sampled_from((None, "refused")), st.booleans()),
    max_size=30,
)


@given(ACTIONS, st.sampled_from(("canary", "blue-green", "shadow-only")))
@settings(max_examples=200, deadline=None)
def test_whatever_is_ordered_back_the_routes_stay_sound(
    actions: list[tuple[str, str | None, bool]], strategy: Literal["canary", "blue-green", "shadow-only"]
) -> None:
    policy = msgspec.structs.replace(POLICY, strategy=strategy)
    lane, told = Lane(app=APP), list[RolloutChanged]()
    for number, action in enumerate(actions):
        outcome = _outcome(lane, number, action, policy)
        lane = outcome.lane
        told.extend(outcome.changes)
        assert not (lane.active and lane.returning)
        assert lane.stables[0] == ""
    assert [change.sequence for change in told] == list(range(1, len(told) + 1))
    ended = set[str]()
    for change in told:
        assert sum(route.weight for route in change.routes) == pytest.approx(1.0)
        assert sum(route.variant == "stable" for route in change.routes) == 1
        assert change.rollout_id not in ended, "a final state is final"
        ended |= {change.rollout_id} if change.state in FINAL else set()


def _outcome(lane: Lane, number: int, action: tuple[str, str | None, bool], policy: RolloutPolicy) -> Outcome:
    (kind, what, flag), now = action, at(number * 7)
    if kind == "seen":
        refusal = "no such folder" if what and not flag else ""
        good = judged(400, 0.95)
        return after_observation(lane, Observation(flag, refusal, "", good, judged(400, 0.9)), policy, now)
    if kind == "trained":
        news = msgspec.structs.replace(trained(str(what), passed=flag), job_id=f"job-{number}")
        return after_training(lane, news, policy, now)
    if kind == "back":
        return after_order(lane, back(what, f"order-{number}"), policy, now)
    order = msgspec.structs.replace(ordered(str(what), order=f"order-{number}"), action="promote")
    return after_order(lane, order, policy, now)
