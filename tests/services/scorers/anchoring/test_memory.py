"""A change of version is noticed once, told until it is known, and survives a kill at any step."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier, BrokenBarrierError

import pytest

from schemas.evaluations import ScorerChanged
from services.scorers.anchoring.anchors import Anchors
from services.scorers.anchoring.memory import AnchorMemory
from services.scorers.contract import Score, Subject
from tests.services.scorers.anchoring.versions import ShiftedScorer

AT = datetime(2026, 1, 31, 12, 0, 0, 123_456, tzinfo=UTC)
FEW = Anchors.of([Subject(prompt="x" * length) for length in (10, 30, 60)])


@pytest.fixture
def memory(tmp_path: Path) -> AnchorMemory:
    return AnchorMemory(tmp_path)


def test_the_first_version_of_a_scorer_is_no_change(memory: AnchorMemory) -> None:
    assert memory.noted(ShiftedScorer("1"), FEW, AT) == []
    assert [turn.version for turn in memory.history("length-head")] == ["1"]


def test_a_version_that_is_known_is_not_scored_again(memory: AnchorMemory) -> None:
    first, again = ShiftedScorer("1"), ShiftedScorer("1")
    memory.noted(first, FEW, AT)
    memory.noted(again, FEW, AT)
    assert (first.calls, again.calls) == (1, 0)


def test_other_anchors_are_scored_and_are_no_change(memory: AnchorMemory) -> None:
    again = ShiftedScorer("1")
    memory.noted(ShiftedScorer("1"), FEW, AT)
    assert memory.noted(again, Anchors.of(FEW.subjects[:2]), AT) == []
    assert again.calls == 1


def test_a_change_is_told_until_it_is_known_to_be_told(memory: AnchorMemory, tmp_path: Path) -> None:
    memory.noted(ShiftedScorer("1"), FEW, AT)
    (change,) = memory.noted(ShiftedScorer("2", shift=0.2), FEW, AT + timedelta(days=1))

    after_a_kill = AnchorMemory(tmp_path).noted(ShiftedScorer("2", shift=0.2), FEW, AT + timedelta(days=2))
    assert after_a_kill == [change], "with its first time and id"

    memory.told([change])
    assert memory.noted(ShiftedScorer("2", shift=0.2), FEW, AT + timedelta(days=3)) == []
    assert change.measures[0].mean_shift == pytest.approx(0.2)


def test_a_kill_between_scores_and_history_loses_no_change(memory: AnchorMemory) -> None:
    memory.noted(ShiftedScorer("1"), FEW, AT)
    memory.noted(ShiftedScorer("2"), FEW, AT)
    history = next(memory._root.rglob("history.json"))
    history.write_text(history.read_text().partition(',{"version":"2"')[0] + "]")
    assert [turn.version for turn in memory.history("length-head")] == ["1"]

    (change,) = memory.noted(ShiftedScorer("2"), FEW, AT)

    assert (change.previous_version, change.version) == ("1", "2")


def test_a_version_that_comes_back_is_another_change(memory: AnchorMemory) -> None:
    found = []
    for version in ("1", "2", "1", "2"):
        changes = memory.noted(ShiftedScorer(version), FEW, AT)
        memory.told(changes)
        found += changes
    assert [(change.previous_version, change.version) for change in found] == [("1", "2"), ("2", "1"), ("1", "2")]
    assert len({change.event_id for change in found}) == 3


def test_a_version_whose_scores_are_lost_is_a_change_without_a_shift(memory: AnchorMemory) -> None:
    memory.noted(ShiftedScorer("1"), FEW, AT)
    next(memory._root.rglob("1.json")).unlink()
    (change,) = memory.noted(ShiftedScorer("2"), FEW, AT)
    assert (change.previous_version, change.measures) == ("1", ())


def test_times_have_the_resolution_that_events_have(memory: AnchorMemory) -> None:
    memory.noted(ShiftedScorer("1"), FEW, AT)
    (change,) = memory.noted(ShiftedScorer("2"), FEW, AT)
    assert change.occurred_at.microsecond == 123_000


class MeetingScorer(ShiftedScorer):
    """Waits a moment for others that score at the same time."""

    meeting = Barrier(6)

    def score(self, subjects: Sequence[Subject]) -> list[tuple[Score, ...]]:
        with suppress(BrokenBarrierError):
            self.meeting.wait(0.5)
        return super().score(subjects)


def test_processes_that_start_at_once_score_once_and_tell_the_same_change(tmp_path: Path) -> None:
    AnchorMemory(tmp_path).noted(ShiftedScorer("1"), FEW, AT)
    scorers = [MeetingScorer("2") for _ in range(6)]

    def start(number: int) -> list[ScorerChanged]:
        return AnchorMemory(tmp_path).noted(scorers[number], FEW, AT + timedelta(seconds=number))

    with ThreadPoolExecutor(6) as pool:
        told = list(pool.map(start, range(6)))

    assert sum(scorer.calls for scorer in scorers) == 1
    assert all(one == told[0] for one in told)
    assert len(told[0]) == 1


@pytest.mark.parametrize("name", ["../../etc/x", "org/model-7b", "a b"])
def test_no_name_leads_out_of_the_folder(memory: AnchorMemory, tmp_path: Path, name: str) -> None:
    memory.noted(ShiftedScorer("../1", name=name), FEW, AT)
    files = [path for path in tmp_path.rglob("*.json") if path.is_file()]
    assert len(files) == 2
    assert {path.parent.parent for path in files} == {tmp_path / "anchors"}
