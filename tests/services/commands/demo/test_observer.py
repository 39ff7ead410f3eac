"""The demonstration waits for as long as what it waits for moves, however slow the machine is."""

from collections.abc import Callable

import pytest

from services.clients.warehouse.client import WarehouseDown
from services.commands.demo import observer
from services.commands.demo.observer import NothingHappened, Observer, Row


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(observer, "time", found)
    return found


def waited(clock: Clock, *, until: float, sign: Callable[[float], str], told: list[str] | None = None) -> Row:
    def look() -> Row | None:
        return {"adapter_version": "v2"} if clock.now >= until else None

    return Observer(None, "app").wait_for(  # type: ignore[arg-type]  # what is looked at needs no warehouse
        "a fix", look, patience_s=600, sign=lambda: sign(clock.now), tell=told.append if told is not None else None
    )


def test_a_training_that_goes_on_is_waited_for_however_long_it_takes(clock: Clock) -> None:
    told: list[str] = []
    row = waited(clock, until=40_000, sign=lambda now: f"training {int(now // 500)}/80", told=told)
    assert row["adapter_version"] == "v2"
    assert told[:2] == ["waiting for a fix: training 0/80", "waiting for a fix: training 1/80"]
    assert len(told) == 80


def test_one_that_stands_still_is_given_up_with_what_was_seen_last(clock: Clock) -> None:
    with pytest.raises(NothingHappened, match="a fix: nothing moved for 600 s; last seen: training 2/80"):
        waited(clock, until=40_000, sign=lambda now: f"training {min(2, int(now // 500))}/80")
    assert 1_600 <= clock.now < 1_602


def test_a_warehouse_that_is_away_is_no_sign(clock: Clock) -> None:
    def sign(_: float) -> str:
        raise WarehouseDown("away")

    with pytest.raises(NothingHappened, match="last seen: nothing"):
        waited(clock, until=40_000, sign=sign)
    assert clock.now < 602
