"""Where vLLM can't be had, that is said, and nothing looks green."""

from pathlib import Path

import pytest

from tests.vllm import environment


def test_where_it_cannot_be_had_one_line_says_so_and_the_exit_code_is_3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(environment, "_DISK_BYTES", 1 << 60)
    assert environment.main(tmp_path / "vllm") == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("test-vllm: no real vLLM was tested, for it can't be had here: ")
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_as_pinned_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(environment, "_DISK_BYTES", 1 << 60)
    (tmp_path / ".installed").write_text(environment.pinned())
    assert environment.main(tmp_path) == 0
    assert capsys.readouterr() == ("", "")
