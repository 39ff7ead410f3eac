"""The compose file is valid by the compose specification, and names modules that exist and start."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from schemas.settings import LOOPBACK, Settings
from services.embedded.catalogue import CATALOGUE, GUARD
from tests.fixtures.waiting import PATIENCE_S

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
OURS = {
    name: service["command"][2:]
    for name, service in COMPOSE["services"].items()
    if service.get("command", [])[:2] == ["python", "-m"]
}


def _specification() -> dict[str, Any]:
    package = importlib.util.find_spec("check_jsonschema")
    assert package is not None
    assert package.origin is not None
    vendored = Path(package.origin).parent / "builtin_schemas" / "vendor" / "compose-spec.json"
    return dict(json.loads(vendored.read_text()))


def test_file_is_valid_by_the_compose_specification() -> None:
    jsonschema.validate(COMPOSE, _specification())


def test_specification_refuses_a_wrong_file() -> None:
    wrong = {**COMPOSE, "services": {"gateway": {"comand": ["python"]}}}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, _specification())


def test_same_processes_run_in_both_profiles() -> None:
    embedded = {program.command[1:] for program in (*CATALOGUE, GUARD)}
    compose = {("-m", *command) for command in OURS.values()}
    assert compose - embedded == {("-m", "services.commands.prepare")}
    assert {argv for argv in embedded - compose if not argv[1].startswith("services.embedded.")} == set()


@pytest.mark.parametrize("name", sorted(OURS))
def test_command_is_a_module_that_starts_and_says_what_it_misses(name: str, tmp_path: Path) -> None:
    nowhere = {
        "DRIFTLOOP_CONFIG": str(tmp_path / "missing.yaml"),
        "DRIFTLOOP_DATA": str(tmp_path),
        "DRIFTLOOP_GATEWAY_PORT": "not-a-port",
    }
    result = subprocess.run(
        [sys.executable, "-m", *OURS[name]],
        env={**os.environ, **nowhere},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert result.returncode == 2, result.stderr
    assert result.stderr.count("\n") == 1, result.stderr
    assert "DRIFTLOOP_GATEWAY_PORT" in result.stderr


def filled(text: str, **variables: str) -> str:
    """Return a text of the file with variables put in, as compose does it."""
    return re.sub(r"\$\{(\w+):-([^}]*)\}", lambda found: variables.get(found[1]) or found[2], text)


def published(**variables: str) -> dict[str, set[str]]:
    """Return at which addresses of the host each service of ours has ports."""
    return {
        name: {filled(port, **variables).split(":")[0] for port in COMPOSE["services"][name]["ports"]}
        for name in OURS
        if "ports" in COMPOSE["services"][name]
    }


def settings(**variables: str) -> Settings:
    return Settings.from_environment(
        {name: filled(str(value), **variables) for name, value in COMPOSE["x-environment"].items()}
    )


def test_without_a_wish_only_this_host_comes_in_and_needs_no_key() -> None:
    assert set().union(*published().values()) == {LOOPBACK}
    assert not settings().keys_required


@pytest.mark.parametrize("address", ["0.0.0.0", "192.0.2.7"])
def test_published_to_others_keys_are_asked_for_and_the_dashboard_stays_here(address: str) -> None:
    wish = {"DRIFTLOOP_PUBLISH": address}
    assert published(**wish) == {"gateway": {address}, "collector": {address}, "dashboard": {LOOPBACK}}
    assert settings(**wish).keys_required
    assert not settings(**wish, DRIFTLOOP_KEYS="open").keys_required
