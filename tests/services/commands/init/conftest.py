"""Every test of `init` runs in a folder of its own."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("DRIFTLOOP_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path
