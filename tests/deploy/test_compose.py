"""The compose file is valid by the compose specification, and names modules that exist and start."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from services.embedded.catalogue import CATALOGUE
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
    embedded = {program.command[1:] for program in CATALOGUE}
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
