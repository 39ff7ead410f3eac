"""The report for people on how recent traffic differs from earlier traffic."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.scorers.prompts import PromptScorers
from training.data.dataset import Dataset, Example
from training.judging.drift_report import MIN_ROWS, described, write_report


class _Scorers:
    """Scores by length; the report is under test here, not the heads."""

    def score(self, texts: list[str]) -> tuple[None, dict[str, list[float]]]:
        return None, {"prompt.harm": [len(text) / 100 for text in texts]}


@pytest.fixture(autouse=True)
def _light_scorers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PromptScorers, "load", lambda _: _Scorers())


def _dataset(recent: int, earlier: int) -> Dataset:
    examples = tuple(
        Example(
            request_id=f"r{at}",
            messages=(),
            prompt=f"secret words {'longer ' * (at % 7 + 9 * (at < recent))}{at}",
            label="safe" if at % 2 else "unsafe",
            slice="",
            recent=at < recent,
            split="train",
        )
        for at in range(recent + earlier)
    )
    since = datetime(2026, 1, 31, tzinfo=UTC)
    return Dataset(examples=examples, removed={}, masked=0, offsets={}, recent_since=since)


def test_the_report_is_one_file_without_any_prompt(tmp_path: Path) -> None:
    file = write_report(_dataset(60, 60), tmp_path, tmp_path)
    assert file is not None
    html = file.read_text()
    assert "prompt.harm" in html
    assert "secret words" not in html


def test_too_few_prompts_on_either_side_make_no_report(tmp_path: Path) -> None:
    assert write_report(_dataset(60, MIN_ROWS - 1), tmp_path, tmp_path) is None
    assert write_report(_dataset(MIN_ROWS - 1, 60), tmp_path, tmp_path) is None


def test_a_prompt_is_described_without_its_text() -> None:
    frame = described(list(_dataset(3, 0).examples), PromptScorers.load(Path()))
    assert list(frame.columns) == ["characters", "words", "prompt.harm", "label", "slice"]
    assert len(frame) == 3
