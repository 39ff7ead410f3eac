"""What `driftloop up` runs for its own processes alone is reached from this machine alone."""

from pathlib import Path

import pytest

from schemas.settings import LOOPBACK, Settings, port_variable
from services.embedded.broker import kafka_node, light_command
from services.embedded.catalogue import CATALOGUE, child_environment
from services.embedded.kafka.node import properties_of
from services.embedded.warehouse.__main__ import _listen
from tests.fixtures.ports import free_port

WORLD = "0.0.0.0"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    port = {port_variable("warehouse"): str(free_port())}
    return Settings.from_environment({"DRIFTLOOP_DATA": str(tmp_path), "DRIFTLOOP_HOST": WORLD} | port)


def test_the_warehouse_listens_on_loopback_whatever_the_host(settings: Settings) -> None:
    with _listen(settings) as listener:
        assert listener.getsockname()[0] == LOOPBACK


def test_both_brokers_listen_on_loopback_whatever_the_host(settings: Settings) -> None:
    node = kafka_node(settings)
    assert WORLD not in " ".join(light_command(settings))
    assert WORLD not in properties_of(node, [node])
    assert f"listeners=CLIENT://{LOOPBACK}:" in properties_of(node, [node])


def test_the_model_server_of_up_listens_on_loopback_whatever_the_host(settings: Settings) -> None:
    (program,) = [program for program in CATALOGUE if program.name == "model_server"]
    child = Settings.from_environment(child_environment(settings) | dict(program.environment))
    assert child.host == LOOPBACK


def test_processes_reach_what_listens_on_loopback_there(tmp_path: Path) -> None:
    settings = Settings.from_environment({"DRIFTLOOP_DATA": str(tmp_path), "DRIFTLOOP_HOST": "192.0.2.7"})
    assert settings.kafka == f"{LOOPBACK}:19092"
    assert settings.warehouse_url == settings.url("warehouse") == f"http://{LOOPBACK}:18123"
    assert settings.url("model_server") == f"http://{LOOPBACK}:18000"
    assert settings.url("gateway") == "http://192.0.2.7:18080"


def test_children_ask_for_keys_as_their_stack_does(tmp_path: Path) -> None:
    for variables in ({}, {"DRIFTLOOP_KEYS": "open"}, {"DRIFTLOOP_PUBLISH": LOOPBACK}, {"DRIFTLOOP_KEYS": "required"}):
        settings = Settings.from_environment({"DRIFTLOOP_DATA": str(tmp_path), "DRIFTLOOP_HOST": WORLD} | variables)
        child = Settings.from_environment(child_environment(settings))
        assert (child.keys_required, child.why_keys) == (settings.keys_required, settings.why_keys)
