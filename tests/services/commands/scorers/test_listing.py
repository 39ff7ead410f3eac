"""`driftloop scorers list`: what there is, what runs, and what is lacking, with no model loaded."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.commands.line import app
from services.scorers.catalogue import CATALOGUE

CONFIGURATION = """
apps: [{name: guard, base_model: tiny}, {name: support, base_model: tiny}]
scorers:
  - {name: pii-patterns, enabled: false}
  - {name: harm-head, app: guard, sample: 0.25}
  - {name: theirs, endpoint: {form: moderation, url_env: NO_SUCH_VARIABLE}}
  - {name: gone, entry_point: "no_such_module:make", measures: [{name: prompt.gone}]}
"""


@pytest.fixture
def deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A deployment without a configuration yet."""
    monkeypatch.setenv("DRIFTLOOP_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("DRIFTLOOP_CONFIG", str(tmp_path / "driftloop.yaml"))
    return tmp_path


def listed(*options: str) -> dict[str, dict[str, object]]:
    result = CliRunner().invoke(app, ["scorers", "list", "--json", *options])
    assert result.exit_code == 0, result.output
    return {one["name"]: one for one in json.loads(result.stdout)}


def test_without_a_configuration_it_lists_the_catalogue(deployment: Path) -> None:
    result = CliRunner().invoke(app, ["scorers", "list"])

    head, *lines = result.stdout.splitlines()
    assert head.split() == ["NAME", "VERSION", "SIDE", "MEASURES", "COST", "RUNS", "IN", "THERE"]
    assert [line.split()[0] for line in lines] == [listing.name for listing in CATALOGUE]
    assert not (deployment / "data").exists()


def test_it_tells_what_runs_for_an_app_and_what_is_lacking(deployment: Path) -> None:
    (deployment / "driftloop.yaml").write_text(CONFIGURATION)

    guard, support = listed("--app", "guard"), listed("--app", "support")

    assert guard["harm-head"]["runs"] == "safety, 0.25 of calls"
    assert support["harm-head"]["runs"] == "safety"
    assert guard["pii-patterns"]["runs"] is None
    assert guard["theirs"]["missing"] == "set the environment variable NO_SUCH_VARIABLE"
    assert str(guard["gone"]["missing"]).startswith("no_such_module:make: ModuleNotFoundError")


def test_at_length_it_tells_what_a_scorer_cannot_see(deployment: Path) -> None:
    result = CliRunner().invoke(app, ["scorers", "list", "--long"])

    assert result.stdout.count("can't see: ") == len(CATALOGUE)
    assert "prompt.distance: distance, 0 to 2, higher is worse" in result.stdout


@pytest.mark.parametrize(
    ("text", "options", "code", "said"),
    [
        (CONFIGURATION, ["--app", "nobody"], 1, "has no app 'nobody'"),
        ("apps: [{name: a, base_model: b}]\nscorers: [{name: x}]", [], 1, "scorers: unknown 'x'; did you mean"),
        ("apps: []", [], 2, "apps: name at least one application"),
    ],
)
def test_a_configuration_that_is_wrong_is_told_in_one_line(
    text: str, options: list[str], code: int, said: str, deployment: Path
) -> None:
    (deployment / "driftloop.yaml").write_text(text)

    result = CliRunner().invoke(app, ["scorers", "list", *options])

    assert result.exit_code == code
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_check_names_a_scorer_that_there_is_not(deployment: Path) -> None:
    (deployment / "driftloop.yaml").write_text("apps: [{name: a, base_model: b}]\nscorers: [{name: injektion-head}]")

    result = CliRunner().invoke(app, ["check"])

    assert result.exit_code == 1
    assert "driftloop.yaml: scorers: unknown 'injektion-head'; did you mean 'injection-head'?" in result.stderr
