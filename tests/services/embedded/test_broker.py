import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from schemas.settings import Settings, port_variable
from schemas.topics import TOPICS
from services.clients.bus.topics import topic_ids
from services.embedded.catalogue import CATALOGUE
from services.embedded.supervisor import Supervisor
from tests.fixtures.ports import free_port

pytestmark = pytest.mark.broker
NAMES = {name for topic in TOPICS for name in (topic.name, topic.dead_letter)}


def test_a_restarted_broker_gets_its_topics_again_under_new_ids(tmp_path: Path) -> None:
    settings = Settings.from_environment({"DRIFTLOOP_DATA": str(tmp_path), port_variable("broker"): str(free_port())})
    with Supervisor(settings, [program for program in CATALOGUE if program.name == "broker"]) as supervisor:
        supervisor.start()
        supervisor.wait_healthy(30)
        before, pid = topic_ids(settings), supervisor.pids()["broker"]
        assert set(before) >= NAMES
        supervisor.kill("broker")
        deadline = time.monotonic() + 30
        while supervisor.pids().get("broker", pid) == pid:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        supervisor.wait_healthy(30)
        after = topic_ids(settings)
        assert set(after) >= NAMES
        assert not set(before.values()) & set(after.values())
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((settings.host, settings.ports["broker"]))


def test_a_busy_port_is_named_in_one_line(tmp_path: Path) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        ended = subprocess.run(
            [sys.executable, "-m", "services.embedded.broker"],
            env={**os.environ, "DRIFTLOOP_DATA": str(tmp_path), port_variable("broker"): str(port)},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert ended.returncode == 2
    assert ended.stderr == f"broker: port {port} is taken; set DRIFTLOOP_BROKER_PORT to a free one\n"
