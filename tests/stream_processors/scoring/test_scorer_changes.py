"""A processor tells what its scorers' new versions change: once, and only then notes that it is told."""

from collections.abc import Awaitable, Iterable
from datetime import UTC, datetime
from pathlib import Path

from schemas.record import Record
from services.scorers.anchoring.anchors import Anchors
from services.scorers.anchoring.memory import AnchorMemory
from services.scorers.contract import Subject
from stream_processors.scoring.scorer_changes import Telling
from tests.services.scorers.anchoring.versions import ShiftedScorer

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
FEW = Anchors.of([Subject(prompt="x" * length) for length in (10, 30, 60)])


class Outbox:
    """Counts how often it was drained."""

    def __init__(self) -> None:
        self.drained = 0

    async def drain(self) -> None:
        self.drained += 1


async def ticked(telling: Telling, outbox: Outbox) -> list[str]:
    records: Iterable[Record] | Awaitable[Iterable[Record]] = telling.tick(outbox)
    if isinstance(records, Awaitable):
        records = await records
    return [record.event_id for record in records]


def started(data: Path, *versions: ShiftedScorer) -> Telling:
    return Telling(AnchorMemory(data), versions, FEW, AT)


async def test_a_change_is_emitted_on_the_first_tick_and_settled_on_the_next(tmp_path: Path) -> None:
    outbox = Outbox()
    started(tmp_path, ShiftedScorer("1"), ShiftedScorer("1", name="other"))
    telling = started(tmp_path, ShiftedScorer("2"), ShiftedScorer("1", name="other"))

    assert len(await ticked(telling, outbox)) == 1
    assert outbox.drained == 0
    assert await ticked(telling, outbox) == []
    assert outbox.drained == 1
    assert await ticked(telling, outbox) == []
    assert outbox.drained == 1
    assert await ticked(started(tmp_path, ShiftedScorer("2")), outbox) == []


async def test_a_kill_before_the_broker_has_it_lets_it_be_told_again_with_the_same_id(tmp_path: Path) -> None:
    outbox = Outbox()
    started(tmp_path, ShiftedScorer("1"))
    told = await ticked(started(tmp_path, ShiftedScorer("2")), outbox)
    again = await ticked(started(tmp_path, ShiftedScorer("2")), outbox)
    assert told == again != []


async def test_without_a_change_nothing_is_told_and_nothing_is_waited_for(tmp_path: Path) -> None:
    outbox, telling = Outbox(), started(tmp_path, ShiftedScorer("1"))
    for _ in range(3):
        assert await ticked(telling, outbox) == []
    assert outbox.drained == 0
