"""The stack's broker: Kafka goes on with its log, the light one begins anew, and both are stopped with the stack."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.settings import Broker, Settings, port_variable
from schemas.topics import TOPICS
from services.clients.bus.topics import topic_ids
from services.embedded.catalogue import CATALOGUE
from services.embedded.supervisor import Supervisor
from tests.fixtures.ports import free_port
from tests.fixtures.waiting import PATIENCE_S, until

pytestmark = pytest.mark.broker
NAMES = {name for topic in TOPICS for name in (topic.name, topic.dead_letter)}


def deployment(kind: Broker, data: Path) -> Settings:
    """Return a deployment of a broker alone."""
    ports = {port_variable(name): str(free_port()) for name in ("broker", "broker_controller")}
    return Settings.from_environment({"DRIFTLOOP_DATA": str(data), "DRIFTLOOP_BROKER": kind, **ports})


def topics_before_and_after_a_kill(settings: Settings) -> tuple[dict[str, str], dict[str, str]]:
    """Return topic ids of the stack's broker, and those after it was killed and restarted."""
    with Supervisor(settings, [program for program in CATALOGUE if program.name == "broker"]) as supervisor:
        supervisor.start()
        supervisor.wait_healthy(PATIENCE_S)
        before, pid = topic_ids(settings), supervisor.pids()["broker"]
        supervisor.kill("broker")
        until(lambda: supervisor.pids().get("broker", pid) != pid)
        supervisor.wait_healthy(PATIENCE_S)
        return before, topic_ids(settings)


@pytest.mark.skipif("os.environ.get('DRIFTLOOP_BROKER') == 'light'", reason="Kafka is told to be left out")
def test_a_killed_kafka_goes_on_with_its_topics_also_in_another_run(tmp_path: Path) -> None:
    settings = deployment("kafka", tmp_path)
    before, after = topics_before_and_after_a_kill(settings)
    assert set(before) >= NAMES
    assert before == after
    assert topics_before_and_after_a_kill(settings) == (before, before)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((settings.host, settings.ports["broker"]))


def test_a_killed_light_broker_gets_its_topics_again_under_new_ids(tmp_path: Path) -> None:
    before, after = topics_before_and_after_a_kill(deployment("light", tmp_path))
    assert set(before) >= NAMES
    assert set(after) >= NAMES
    assert not set(before.values()) & set(after.values())


@pytest.mark.parametrize(
    ("busy", "told"), [("broker", "DRIFTLOOP_BROKER_PORT"), ("broker_controller", "DRIFTLOOP_BROKER_CONTROLLER_PORT")]
)
def test_a_busy_port_is_named_in_one_line(tmp_path: Path, busy: str, told: str) -> None:
    ports = {name: free_port() for name in ("broker", "broker_controller")}
    with socket.create_server(("127.0.0.1", ports[busy])):
        ended = subprocess.run(
            [sys.executable, "-m", "services.embedded.broker"],
            env={
                **os.environ,
                "DRIFTLOOP_DATA": str(tmp_path),
                "DRIFTLOOP_BROKER": "kafka",
                **{port_variable(name): str(port) for name, port in ports.items()},
            },
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
    assert ended.returncode == 2
    assert ended.stderr == f"{busy}: port {ports[busy]} is taken; set {told} to a free one\n"
