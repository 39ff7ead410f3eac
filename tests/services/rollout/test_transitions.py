"""Invariants of the machine under whatever may come, and the way of single rollouts."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.learning import RolloutChanged, RolloutState
from services.rollout.figures import Figures
from services.rollout.lanes import Outcome, after_observation, after_order, after_training
from services.rollout.states import FINAL, Lane
from services.rollout.transitions import Observation
from tests.services.rollout.builders import APP, POLICY, at, judged, ordered, trained

VERSIONS = ("prompt-guard-v1", "prompt-guard-v2", "prompt-guard-v3")
GOOD = Observation(loaded=True, candidate=judged(400, 0.95), stable=judged(400, 0.9))
BAD = Observation(loaded=True, candidate=judged(40, 0.2), stable=judged(400, 0.9))
EMPTY = Observation(loaded=True)
V1, V2 = VERSIONS[:2]

FIGURES = st.builds(
    lambda count, correct, errors: Figures(
        responses=count, errors=min(errors, count), judged=count, correct=min(correct, count)
    ),
    st.integers(0, 300),
    st.integers(0, 300),
    st.integers(0, 300),
)
OBSERVATIONS = st.builds(
    Observation, loaded=st.booleans(), refusal=st.sampled_from(["", "", "", "no"]), candidate=FIGURES, stable=FIGURES
)
STEPS = st.lists(
    st.tuples(st.just("trained"), st.sampled_from(VERSIONS), st.booleans())
    | st.tuples(st.just("start"), st.sampled_from(VERSIONS), st.booleans())
    | st.tuples(st.just("roll_back"), st.sampled_from(VERSIONS), st.booleans())
    | st.tuples(st.just("observe"), OBSERVATIONS, st.booleans()),
    max_size=40,
)


@given(STEPS)
@settings(max_examples=300, deadline=None)
def test_whatever_comes_the_routes_stay_sound(steps: list[tuple[str, object, bool]]) -> None:
    lane, told = Lane(app=APP), list[RolloutChanged]()
    for number, (kind, what, flag) in enumerate(steps):
        outcome = _outcome(lane, number, (kind, what, flag))
        lane = outcome.lane
        told.extend(outcome.changes)
    assert [change.sequence for change in told] == list(range(1, len(told) + 1))
    ended = set[str]()
    for change in told:
        _check_routes(change)
        assert change.rollout_id not in ended, "a final state is final"
        if change.state in FINAL:
            ended.add(change.rollout_id)
    assert len({change.event_id for change in told}) == len(told)


def _outcome(lane: Lane, number: int, step: tuple[str, object, bool]) -> Outcome:
    kind, what, flag = step
    now = at(number * 7)
    if isinstance(what, Observation):
        return after_observation(lane, what, POLICY, now)
    version = str(what)
    if kind == "trained":
        news = msgspec.structs.replace(trained(version, passed=flag), job_id=f"job-{number}")
        return after_training(lane, news, POLICY, now)
    return after_order(lane, ordered(version, kind, override=flag, order=f"order-{number}"), POLICY, now)


def _check_routes(change: RolloutChanged) -> None:
    answering = [route for route in change.routes if route.variant != "shadow"]
    assert sum(route.weight for route in answering) == pytest.approx(1.0)
    assert sum(route.variant == "stable" for route in change.routes) == 1
    canaries = [route for route in change.routes if route.variant == "canary"]
    assert all(route.weight in POLICY.steps for route in canaries)
    if change.state is RolloutState.CANARY:
        assert [route.weight for route in canaries] == [POLICY.steps[change.step]]
    shadows = [route for route in change.routes if route.variant == "shadow"]
    assert all(route.weight == 0 and route.mirror == POLICY.mirror for route in shadows)
    assert len(canaries) + len(shadows) <= 1


def serving(*versions: str) -> Lane:
    lane = Lane(app=APP)
    for version in versions:
        lane = after_training(lane, trained(version), POLICY, at(0)).lane
        lane = msgspec.structs.replace(lane, stables=(*lane.stables, version), active=None)
    return lane


def states_of(lane: Lane, observations: list[Observation]) -> tuple[Lane, list[str]]:
    states = []
    for number, seen in enumerate(observations):
        outcome = after_observation(lane, seen, POLICY, at(20 * (number + 1)))
        lane = outcome.lane
        states += [f"{change.state}{change.step if change.state == 'canary' else ''}" for change in outcome.changes]
    return lane, states


def test_a_better_version_goes_all_the_way() -> None:
    lane = after_training(serving(V1), trained(V2), POLICY, at(0)).lane
    lane, states = states_of(lane, [GOOD] * 6)
    assert states == ["shadow", "canary0", "canary1", "canary2", "promoted"]
    assert (lane.stable, lane.previous, lane.active) == (V2, V1, None)


def test_the_first_version_is_promoted_once_it_is_loaded() -> None:
    lane = after_training(Lane(app=APP), trained(V1), POLICY, at(0)).lane
    assert states_of(lane, [Observation()])[1] == []
    assert states_of(lane, [EMPTY])[1] == ["promoted"]


def test_a_version_that_the_gate_refused_changes_no_route() -> None:
    outcome = after_training(serving(V1), trained(V2, passed=False), POLICY, at(0))
    (change,) = outcome.changes
    assert change.state is RolloutState.REFUSED
    assert "worse on recent" in change.reason
    assert [(route.adapter_version, route.weight) for route in change.routes] == [(V1, 1.0)]
    assert outcome.lane.active is None


def test_a_refused_version_starts_only_by_override_and_carries_its_name() -> None:
    lane = after_training(serving(V1), trained(V2, passed=False), POLICY, at(0)).lane
    plain = after_order(lane, ordered(V2), POLICY, at(1))
    assert plain.changes[0].state is RolloutState.REFUSED
    forced = after_order(lane, ordered(V2, override=True), POLICY, at(1))
    assert forced.changes[0].state is RolloutState.LOADING
    assert forced.changes[0].override_by == "ada"


def test_an_override_passes_the_shadow_but_never_the_canary_judge() -> None:
    lane = after_training(serving(V1), trained(V2, passed=False), POLICY, at(0)).lane
    lane = after_order(lane, ordered(V2, override=True), POLICY, at(0)).lane
    lane, states = states_of(lane, [BAD] * 4)
    assert states == ["shadow", "canary0", "rolled_back"]
    assert lane.stable == V1


def test_a_shadow_that_is_worse_never_answers_anyone() -> None:
    lane = after_training(serving(V1), trained(V2), POLICY, at(0)).lane
    assert states_of(lane, [BAD] * 4)[1] == ["shadow", "rolled_back"]


def test_what_cannot_be_judged_is_given_up() -> None:
    lane = after_training(serving(V1), trained(V2), POLICY, at(0)).lane
    assert states_of(lane, [EMPTY] * 40)[1] == ["shadow", "rolled_back"]


def test_what_cannot_be_loaded_fails() -> None:
    lane = after_training(serving(V1), trained(V2), POLICY, at(0)).lane
    assert states_of(lane, [Observation(refusal="no such folder")])[1] == ["failed"]
    assert states_of(lane, [Observation()] * 40)[1] == ["failed"]


def test_a_rollout_waits_for_the_one_under_way_and_the_newest_waits_alone() -> None:
    lane = after_training(serving(V1), trained(V2), POLICY, at(0)).lane
    lane = after_training(lane, trained("v3"), POLICY, at(1)).lane
    superseding = after_training(lane, trained("v4"), POLICY, at(2))
    assert [(change.adapter_version, change.state) for change in superseding.changes] == [("v3", RolloutState.REFUSED)]
    lane, states = states_of(superseding.lane, [GOOD, BAD])
    assert states == ["shadow", "rolled_back", "loading"]
    assert lane.active is not None
    assert lane.active.adapter_version == "v4"


def test_an_operator_takes_back_what_is_under_way() -> None:
    lane = after_training(serving(V1), trained(V2), POLICY, at(0)).lane
    outcome = after_order(lane, ordered(V2, "roll_back"), POLICY, at(1))
    assert [change.state for change in outcome.changes] == [RolloutState.ROLLED_BACK]
    assert outcome.lane.active is None


def test_an_operator_takes_back_a_promoted_version_to_the_one_before() -> None:
    outcome = after_order(serving(V1, V2), ordered(V2, "roll_back"), POLICY, at(1))
    (change,) = outcome.changes
    assert (change.state, change.previous_version) == (RolloutState.ROLLED_BACK, V1)
    assert [(route.adapter_version, route.weight) for route in change.routes] == [(V1, 1.0)]
    assert outcome.lane.stable == V1


def test_taking_back_the_stable_version_ends_the_canary_compared_with_it() -> None:
    lane = after_training(serving(V1, V2), trained("v3"), POLICY, at(0)).lane
    outcome = after_order(lane, ordered(V2, "roll_back"), POLICY, at(1))
    assert [(change.adapter_version, change.state) for change in outcome.changes] == [
        ("v3", RolloutState.ROLLED_BACK),
        (V2, RolloutState.ROLLED_BACK),
    ]


@pytest.mark.parametrize("version", ["unheard-of", V1])
def test_an_order_that_makes_no_sense_is_refused_with_its_reason(version: str) -> None:
    (change,) = after_order(serving(V1), ordered(version), POLICY, at(1)).changes
    assert change.state is RolloutState.REFUSED
    assert change.reason
