"""Each import contract holds, and each can fail: a tree with one violation a contract breaks them all."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "services", "stream_processors", "training", "dashboards")
VIOLATIONS = {
    "Contracts import nobody": ("schemas/ids.py", "import services.parts.runtime.logs"),
    "Processes never import each other": ("services/gateway/violation.py", "import services.sink"),
    "Parts stand on clients and privacy, those on contracts": (
        "services/clients/bus/violation.py",
        "import services.parts.spool",
    ),
    "Commands run processes as processes": ("services/commands/demo/violation.py", "import services.gateway"),
    "Detectors, windows and monitors stand in the frame, not the frame in them": (
        "stream_processors/frame/violation.py",
        "import stream_processors.monitors.decisions",
    ),
    "A job judges what methods make of data": ("training/data/violation.py", "import training.jobs.orders"),
    "Faust only in stream_processors": ("services/clients/bus/violation.py", "import faust"),
    "clickhouse_connect only in the warehouse client": ("services/sink/violation.py", "import clickhouse_connect"),
    "torch only where models run": ("services/gateway/violation.py", "import torch"),
}


def _lint(tree: Path) -> dict[str, str]:
    for package in PACKAGES:
        if not (tree / package).exists():
            shutil.copytree(ROOT / package, tree / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tree)
    result = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    verdicts = dict(re.findall(r"^(.+?) (KEPT|BROKEN)", result.stdout, flags=re.MULTILINE))
    assert verdicts, result.stdout + result.stderr
    return verdicts


def _contracts() -> set[str]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return {contract["name"] for contract in settings["tool"]["importlinter"]["contracts"]}


def test_every_contract_is_kept_by_the_code_as_it_is(tmp_path: Path) -> None:
    assert _lint(tmp_path) == dict.fromkeys(_contracts(), "KEPT")


def test_a_process_that_no_contract_names_is_bound_by_them(tmp_path: Path) -> None:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    newcomer = tmp_path / "services" / "newcomer"
    newcomer.mkdir()
    (newcomer / "__init__.py").write_text("import services.sink\nimport torch\nimport clickhouse_connect\n")
    assert {name for name, verdict in _lint(tmp_path).items() if verdict == "BROKEN"} == {
        "Processes never import each other",
        "clickhouse_connect only in the warehouse client",
        "torch only where models run",
    }


def test_every_contract_is_broken_by_a_violation(tmp_path: Path) -> None:
    assert set(VIOLATIONS) == _contracts()
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    for path, violation in VIOLATIONS.values():
        with (tmp_path / path).open("a") as module:
            module.write(f"\n{violation}\n")
    assert _lint(tmp_path) == dict.fromkeys(_contracts(), "BROKEN")
