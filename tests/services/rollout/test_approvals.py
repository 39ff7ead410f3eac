"""A version that passed waits for a person's word, however often the controller dies meanwhile."""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import httpx
import msgspec
import pytest

from schemas.configuration import App, Configuration
from schemas.gate_policy import GatePolicy
from schemas.learning import AdapterTrained, RolloutChanged, RolloutOrdered, RolloutState
from schemas.training_policy import Training
from services.clients.bus.producer import Producer
from services.clients.store.database import open_store
from services.control.application import build_application
from services.rollout.approvals import after_news, expired
from services.rollout.controller import Controller
from services.rollout.convergence import Standing
from services.rollout.lanes import Outcome
from services.rollout.persistence import RolloutStore
from services.rollout.states import Lane
from tests.fixtures.broker import Broker
from tests.fixtures.http import Served
from tests.fixtures.waiting import PATIENCE_S
from tests.services.rollout.builders import APP, POLICY, at, ordered, trained
from tests.services.rollout.replica_server import Held, replica
from tests.services.rollout.test_process import CONFIGURATION as PROCESS_CONFIGURATION
from tests.services.rollout.test_process import Watch, deployed

V1, V2 = "prompt-guard-v1", "prompt-guard-v2"
HUMAN = GatePolicy(approve="human", approve_within="1h")
CONFIGURATION = Configuration(
    apps=(App(name=APP, base_model="tiny"),), rollout=(POLICY,), training=(Training(app=APP, gate=HUMAN),)
)


def decision(version: str, action: str, *, order: str = "decision-1") -> RolloutOrdered:
    made = ordered(version, order=order)
    return msgspec.structs.replace(made, action="approve" if action == "approve" else "refuse", reason="read it")


def _after(*news: AdapterTrained | RolloutOrdered, lane: Lane | None = None, gate: GatePolicy = HUMAN) -> Outcome:
    outcome = Outcome(lane or Lane(app=APP))
    for number, one in enumerate(news):
        outcome = after_news(outcome.lane, one, POLICY, gate, at(number))
    return outcome


def _last(outcome: Outcome) -> RolloutChanged:
    return outcome.changes[-1]


def test_a_version_that_passed_is_held_and_no_replica_loads_it() -> None:
    outcome = _after(trained(V1))
    assert _last(outcome).state is RolloutState.HELD
    assert "waits for a person's approval" in _last(outcome).reason
    assert outcome.lane.active is None
    assert outcome.lane.wanted == frozenset()


def test_without_that_policy_nothing_is_held() -> None:
    assert _last(_after(trained(V1), gate=GatePolicy())).state is RolloutState.LOADING


def test_a_version_that_the_gate_refused_waits_for_nobody() -> None:
    outcome = _after(trained(V1, passed=False))
    assert _last(outcome).state is RolloutState.REFUSED
    assert outcome.lane.held is None


def test_an_approved_version_begins_under_the_id_it_was_held_by() -> None:
    held = _after(trained(V1))
    outcome = _after(decision(V1, "approve"), lane=held.lane)
    assert (_last(outcome).state, _last(outcome).rollout_id) == (RolloutState.LOADING, _last(held).rollout_id)
    assert _last(outcome).reason == "approved by ada: read it"
    assert outcome.lane.wanted == {V1}
    assert outcome.lane.held is None


def test_a_refused_version_goes_out_only_past_the_gate() -> None:
    refused = _after(trained(V1), decision(V1, "refuse"))
    assert _last(refused).state is RolloutState.REFUSED
    assert _last(refused).reason == f"{V1} was refused by ada: read it"
    plain = _after(ordered(V1), lane=refused.lane)
    assert _last(plain).state is RolloutState.REFUSED
    assert "override_gate" in _last(plain).reason
    assert _last(_after(ordered(V1, override=True), lane=refused.lane)).state is RolloutState.LOADING


def test_a_held_version_cannot_be_started_around_its_approval() -> None:
    outcome = _after(trained(V1), ordered(V1))
    assert _last(outcome).state is RolloutState.REFUSED
    assert outcome.lane.held is not None


def test_an_order_past_the_gate_ends_the_waiting() -> None:
    outcome = _after(trained(V1), ordered(V1, override=True))
    assert outcome.lane.held is None
    assert expired(outcome.lane, POLICY, HUMAN, at(7200)).changes == ()


def test_what_nobody_approves_in_time_is_refused_with_its_reason() -> None:
    held = _after(trained(V1)).lane
    assert expired(held, POLICY, HUMAN, at(3599)).changes == ()
    outcome = expired(held, POLICY, HUMAN, at(3600))
    assert _last(outcome).state is RolloutState.REFUSED
    assert _last(outcome).reason == f"{V1} was not approved within 1h"
    assert _last(_after(decision(V1, "approve"), lane=outcome.lane)).reason.startswith("nothing to approve")


def test_without_a_time_it_waits_for_ever() -> None:
    patient = GatePolicy(approve="human", approve_within="")
    held = _after(trained(V1), gate=patient).lane
    assert expired(held, POLICY, patient, at(10**8)).changes == ()


def test_a_newer_version_takes_the_place_of_the_one_that_waits() -> None:
    outcome = _after(trained(V1), trained(V2))
    assert [(change.adapter_version, change.state) for change in outcome.changes] == [
        (V1, RolloutState.REFUSED),
        (V2, RolloutState.HELD),
    ]


def test_a_word_on_a_version_that_does_not_wait_is_refused() -> None:
    assert _last(_after(trained(V1), decision(V2, "approve"))).reason.startswith("nothing to approve")


def test_the_word_survives_a_restart_and_counts_once(tmp_path: Path) -> None:
    engine = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    nothing = Standing(replicas=("one",), held={"one": frozenset()})

    def restarted() -> Controller:
        return Controller(RolloutStore(engine), CONFIGURATION)

    restarted().take([trained(V1)], at(0))
    for controller in (restarted(), restarted()):
        controller.take([trained(V1), decision(V1, "approve")], at(10))
        controller.judge(lambda _: nothing, at(11))
    told = [(change.state, change.sequence) for change in RolloutStore(engine).unconfirmed()]
    assert told == [(RolloutState.HELD, 1), (RolloutState.LOADING, 2)]
    engine.dispose()


def test_the_controller_lets_an_approval_expire_after_a_restart(tmp_path: Path) -> None:
    engine = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    Controller(RolloutStore(engine), CONFIGURATION).take([trained(V1)], at(0))
    late = Controller(RolloutStore(engine), CONFIGURATION)
    for seconds in (3599, 3600, 3601):
        late.judge(lambda _: Standing(replicas=(), held={}), at(seconds))
    assert [change.state for change in RolloutStore(engine).unconfirmed()] == [
        RolloutState.HELD,
        RolloutState.REFUSED,
    ]
    engine.dispose()


@pytest.mark.broker
def test_a_held_version_reaches_users_once_control_has_taken_the_approval(broker: Broker, tmp_path: Path) -> None:
    (tmp_path / V1).mkdir()
    held = Held(), Held()
    approve_first = "training: [{{app: prompt-guard, gate: {{approve: human}}}}]\n"
    with (
        pytest.MonkeyPatch.context() as patch,
        Served(replica(held[0])) as one,
        Served(replica(held[1])) as two,
        closing(Producer(broker.settings, "test")) as producer,
        closing(Watch(broker, producer)) as watch,
    ):
        patch.setattr("tests.services.rollout.test_process.CONFIGURATION", PROCESS_CONFIGURATION + approve_first)
        with deployed(broker, tmp_path, (one.url, two.url)) as process:
            made = msgspec.structs.replace(trained(V1, uri=str(tmp_path / V1)), occurred_at=datetime.now(UTC))
            producer.send(made)
            watch.until(V1, "held")
            process.kill()
            process.start()
            with Served(build_application(broker.settings, CONFIGURATION)) as control:
                said = {"app": APP, "adapter_version": V1, "decision": "approve", "decided_by": "ada", "reason": "ok"}
                answer = httpx.post(f"{control.url}/v1/approvals", json=said, timeout=PATIENCE_S)
            assert answer.status_code == 202
            watch.until(V1, "promoted")
            assert process.stop() == 0
    assert all(set(one.adapters) == {V1} for one in held)
    told = {change.sequence: str(change.state) for change in watch.told}
    assert [told[number] for number in sorted(told)] == ["held", "loading", "promoted"]
