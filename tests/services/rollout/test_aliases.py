"""Aliases of the real registry, moved by the real child process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from schemas.learning import RolloutState
from schemas.settings import Settings
from services.clients.registry.models import ModelRegistry
from services.rollout.aliases import aliases
from services.rollout.states import Lane, Rollout
from tests.fixtures.waiting import PATIENCE_S
from tests.services.rollout.builders import APP, START

V1, V2 = "prompt-guard-v1", "prompt-guard-v2"
UNDER_WAY = Rollout(rollout_id="r", adapter_version=V2, previous_version=V1, since=START)
LANE = Lane(app=APP, stables=("", V1), active=UNDER_WAY)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (RolloutState.LOADING, {"champion": V1}),
        (RolloutState.SHADOW, {"champion": V1, "challenger": V2}),
        (RolloutState.CANARY, {"champion": V1, "canary": V2}),
    ],
)
def test_aliases_follow_the_rollout(state: RolloutState, expected: dict[str, str]) -> None:
    assert aliases(replace(LANE, active=replace(UNDER_WAY, state=state))) == expected


def test_the_version_that_a_roll_back_brings_back_keeps_an_alias() -> None:
    assert aliases(replace(LANE, stables=("", V1, V2), active=None)) == {"champion": V2, "former": V1}


def test_the_base_model_has_no_alias() -> None:
    assert aliases(Lane(app=APP)) == {}


def test_child_moves_the_alias_in_the_registry_and_names_a_stranger(tmp_path: Path) -> None:
    environment = {"DRIFTLOOP_DATA": str(tmp_path)}
    registry = ModelRegistry.connect(Settings.from_environment(environment))
    run = registry.start_run(APP, "job-1", {})
    registry.register(APP, V1, uri=str(tmp_path), run_id=run, tags={})
    command = [sys.executable, "-m", "services.rollout.aliases", APP]
    moved = subprocess.run([*command, f"champion={V1}"], env={**os.environ, **environment}, timeout=PATIENCE_S)
    assert moved.returncode == 0
    assert registry.aliased(APP, "champion") == V1
    stranger = subprocess.run([*command, "champion=stranger"], env={**os.environ, **environment}, timeout=PATIENCE_S)
    assert stranger.returncode == 3
