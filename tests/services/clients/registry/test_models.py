"""The model registry on a real MLflow store in a file."""

from pathlib import Path

import pytest

from schemas.settings import Settings
from services.clients.registry.models import Measurement, ModelRegistry


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> ModelRegistry:
    data = tmp_path_factory.mktemp("data")
    return ModelRegistry.connect(Settings.from_environment({"DRIFTLOOP_DATA": str(data)}))


def test_a_job_has_one_run_however_often_it_starts(registry: ModelRegistry) -> None:
    first = registry.start_run("guard", "job-1", {"rank": 16})
    assert registry.start_run("guard", "job-1", {"rank": 16}) == first
    assert registry.start_run("guard", "job-2", {"rank": 16}) != first


def test_a_run_keeps_figures_and_files(registry: ModelRegistry, tmp_path: Path) -> None:
    run = registry.start_run("guard", "job-3", {})
    registry.log_measurements(run, [Measurement("loss", 1.5, 1), Measurement("loss", 0.5, 2)], unix_ms=1_000)
    (tmp_path / "gate.json").write_text("{}")
    registry.log_file(run, tmp_path / "gate.json")
    registry.finish_run(run, succeeded=True)
    assert [m.value for m in registry._client.get_metric_history(run, "loss")] == [1.5, 0.5]
    assert [file.path for file in registry._client.list_artifacts(run)] == ["gate.json"]


def test_a_version_is_registered_once_with_its_lineage(registry: ModelRegistry) -> None:
    run = registry.start_run("guard", "job-4", {})
    tags = {"dataset_hash": "abc", "alert_id": "alert-1"}
    number = registry.register("guard", "guard-v4", uri="/artifacts/guard-v4", run_id=run, tags=tags)
    assert registry.register("guard", "guard-v4", uri="/artifacts/guard-v4", run_id=run, tags=tags) == number
    assert registry.tags("guard", "guard-v4") == {"version": "guard-v4", **tags}


def test_aliases_move_between_versions(registry: ModelRegistry) -> None:
    assert registry.aliased("other", "champion") == ""
    run = registry.start_run("other", "job-5", {})
    for version in ("other-v1", "other-v2"):
        registry.register("other", version, uri=f"/artifacts/{version}", run_id=run, tags={})
        registry.set_alias("other", "champion", version)
    assert registry.aliased("other", "champion") == "other-v2"
    registry.set_alias("other", "champion", "other-v1")
    assert registry.aliased("other", "champion") == "other-v1"


def test_an_unregistered_version_cannot_take_an_alias(registry: ModelRegistry) -> None:
    with pytest.raises(KeyError):
        registry.set_alias("guard", "canary", "guard-v99")
