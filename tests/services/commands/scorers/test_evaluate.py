"""`driftloop scorers evaluate`, on files and on small packaged sets, with a scorer of the user's own."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from schemas.settings import port_variable
from services.commands.line import app
from tests.fixtures.ports import free_port

OWN = """
apps: [{name: guard, base_model: tiny}]
scorers:
  - name: mine
    entry_point: tests.services.commands.scorers.own_scorer:make
    measures: [{name: prompt.rudeness, flagged: rude}]
"""
ROWS = "prompt,label,kind\n" + "".join(
    f"you {'rotten ' * (i % 3)}fool number {i},bad,insult\nhow are you today {i},ok,talk\n" for i in range(40)
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DRIFTLOOP_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("DRIFTLOOP_CONFIG", raising=False)
    for process in ("broker", "warehouse"):
        monkeypatch.setenv(port_variable(process), str(free_port()))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "driftloop.yaml").write_text(OWN)
    (tmp_path / "mine.csv").write_text(ROWS)
    return tmp_path


def evaluate(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["scorers", "evaluate", *arguments])


def test_a_file_is_judged_and_told_with_intervals_and_slices(folder: Path) -> None:
    result = evaluate("--data", "mine.csv", "--scorer", "mine", "--no-store", "--json", "found.json")

    assert result.exit_code == 0, result.stderr
    assert "Your data" in result.stdout
    assert "prompt.rudeness" in result.stdout
    assert "insult" in result.stdout
    told = json.loads((folder / "found.json").read_text())
    whole = next(one for one in told["results"] if not one["sliced_by"])
    assert (whole["examples"], whole["bad"], whole["data_set"]) == (80, 40, "mine.csv")
    assert whole["figures"]["auc"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert whole["figures"]["recall"]["value"] < 1
    assert "fool" not in (folder / "found.json").read_text()
    assert not (folder / "data" / "evaluations").exists()


@pytest.mark.broker
def test_results_are_kept_and_a_line_says_that_no_broker_has_them(folder: Path) -> None:
    result = evaluate("--data", "mine.csv", "--scorer", "mine", "--at-most", "60")

    assert result.exit_code == 0
    (kept,) = (folder / "data" / "evaluations").iterdir()
    assert f"kept: {kept}" in result.stdout
    assert result.stderr.startswith("driftloop: not in the warehouse, only in the file: no broker answers at")
    assert json.loads(kept.read_text())["results"][0]["examples"] == 60


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (("--data", "nowhere.csv"), 1, "nowhere.csv: No such file or directory"),
        (("--data", "mine.csv", "--label-column", "x"), 1, "mine.csv: no column 'x'; it has prompt, label, kind"),
        (("--data", "mine.csv", "--recorded", "guard"), 2, "--data or --recorded, not both"),
        (("--data", "mine.csv", "--scorer", "yours"), 2, "no scorer is called 'yours'; there are "),
        (("--data", "mine.csv", "--scorer", "mine", "--measure", "prompt.x"), 1, "nothing was judged: mine could"),
        (("--set", "nothing", "--scorer", "mine"), 2, "no packaged set is called nothing"),
        (("--recorded", "guard", "--since", "soon"), 2, "not a duration: 'soon'"),
    ],
)
def test_what_can_not_be_done_is_one_line(arguments: tuple[str, ...], code: int, line: str) -> None:
    result = evaluate(*arguments)
    assert result.exit_code == code
    assert result.stderr.startswith(f"driftloop: {line}")
    assert result.stderr.count("\n") == 1


@pytest.mark.warehouse
def test_without_a_warehouse_recorded_calls_are_one_line() -> None:
    result = evaluate("--recorded", "guard", "--scorer", "mine")
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1


def test_a_wrong_configuration_is_one_line(folder: Path) -> None:
    (folder / "driftloop.yaml").write_text("apps: 3\n")
    result = evaluate("--data", "mine.csv")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert result.stderr.startswith("driftloop: driftloop.yaml: ")
