"""The API over HTTP, with the real broker behind it."""

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from schemas.configuration import App, Configuration
from schemas.learning import AdapterProposed, RetrainingRequested, RolloutOrdered
from schemas.record import Record
from schemas.settings import Settings
from schemas.topics import ADAPTERS_PROPOSED, RETRAINING_REQUESTED, ROLLOUTS_ORDERED
from services.clients.bus.decoding import decoded
from services.clients.bus.errors import BrokerDown
from services.clients.bus.producer import Producer
from services.clients.bus.tail import Tail
from services.control.application import build_application
from tests.fixtures.broker import Broker
from tests.fixtures.http import Served
from tests.fixtures.waiting import PATIENCE_S

CONFIGURATION = Configuration(apps=(App(name="prompt-guard", base_model="tiny"),))
ORDERS = {
    "rollouts": {"app": "prompt-guard", "adapter_version": "v2", "action": "start", "ordered_by": "ada"},
    "proposals": {"app": "prompt-guard", "artifact_uri": "/adapters/x", "proposed_by": "ada"},
    "retrainings": {"app": "prompt-guard", "requested_by": "ada"},
}


@pytest.mark.broker
def test_an_accepted_order_is_on_the_bus_when_it_is_answered(broker: Broker) -> None:
    with Served(build_application(broker.settings, CONFIGURATION)) as control:
        answers = {
            name: httpx.post(f"{control.url}/v1/{name}", json=body, timeout=PATIENCE_S) for name, body in ORDERS.items()
        }
        metrics = httpx.get(f"{control.url}/metrics", timeout=PATIENCE_S).text
    assert [answer.status_code for answer in answers.values()] == [202, 202, 202]
    assert 'driftloop_control_orders_total{path="/v1/rollouts"} 1.0' in metrics
    topics = [topic.name for topic in (ROLLOUTS_ORDERED, ADAPTERS_PROPOSED, RETRAINING_REQUESTED)]
    with closing(Tail(broker.settings, topics)) as tail:
        records: list[Record] = []
        while not (tail.caught_up and len(records) >= 3):
            records += [decoded(message) for message in tail.poll(0.3)]
    assert {type(record) for record in records} == {RolloutOrdered, AdapterProposed, RetrainingRequested}
    assert {record.event_id for record in records} == {answer.json()["event_id"] for answer in answers.values()}


@pytest.mark.broker
def test_a_bad_order_is_answered_400_and_puts_nothing_on_the_bus(broker: Broker) -> None:
    with Served(build_application(broker.settings, CONFIGURATION)) as control:
        answer = httpx.post(
            f"{control.url}/v1/rollouts", json={**ORDERS["rollouts"], "app": "other"}, timeout=PATIENCE_S
        )
        lost = httpx.get(f"{control.url}/v1/rollouts", timeout=PATIENCE_S)
    assert answer.status_code == 400
    assert "did you mean 'prompt-guard'" in answer.json()["error"]["message"]
    assert lost.status_code == 405


def test_without_a_broker_an_order_is_answered_503(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(_: Producer, record: Record) -> None:
        raise BrokerDown("nowhere")

    monkeypatch.setattr(Producer, "send", nobody)
    with Served(build_application(Settings.from_environment({}), CONFIGURATION)) as control:
        answer = httpx.post(f"{control.url}/v1/retrainings", json=ORDERS["retrainings"], timeout=PATIENCE_S)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"


@pytest.mark.parametrize("module", ["services.control", "services.alerting.receiver"])
def test_a_busy_port_ends_it_with_one_line(module: str, tmp_path: Path) -> None:
    (tmp_path / "driftloop.yaml").write_text("apps: [{name: prompt-guard, base_model: tiny}]\n")
    name = module.rpartition(".")[2]
    with Served(lambda *_: None) as taken:  # type: ignore[arg-type]  # never called
        environment = {
            **os.environ,
            "DRIFTLOOP_DATA": str(tmp_path),
            "DRIFTLOOP_CONFIG": str(tmp_path / "driftloop.yaml"),
            f"DRIFTLOOP_{name.upper()}_PORT": str(taken.port),
        }
        command = [sys.executable, "-m", module]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE_S)
    assert ended.returncode == 2
    assert ended.stderr == f"{name}: port {taken.port} is taken; set DRIFTLOOP_{name.upper()}_PORT to a free one\n"
