"""Monitors over shares that were estimated from a sample: the interval is told, and may be waited for."""

import pytest

from schemas.configuration import Monitor
from stream_processors.monitors.alert_events import alert_changed
from tests.stream_processors.monitors.test_decisions import board_of, decide, score, states

UNSAFE = Monitor(name="unsafe", app="guard", metric="response.unsafe_ratio", window="1s", above=0.1)
SURE = Monitor(name="unsafe", app="guard", metric="response.unsafe_ratio", window="1s", above=0.1, sure=True)


def test_an_alert_tells_the_interval_of_a_share() -> None:
    board = board_of(UNSAFE)
    for number in range(40):
        board.put(score(number, "unsafe" if number < 10 else "safe", 0.5), whole_from=0)
    (decision,) = decide(board, 1)
    low, high = decision.change.decided.interval or (0.0, 1.0)
    assert low < 0.25 < high
    assert f"response.unsafe_ratio 0.25 ({low:.4g} to {high:.4g}) over 40" in alert_changed(*decision).summary


@pytest.mark.parametrize(
    ("unsafe", "by_rate", "by_interval"), [(2, ["firing"], []), (20, ["firing"], ["firing"]), (0, [], [])]
)
def test_a_sure_monitor_does_not_fire_on_one_heavy_call(
    unsafe: int, by_rate: list[str], by_interval: list[str]
) -> None:
    for monitor, expected in ((UNSAFE, by_rate), (SURE, by_interval)):
        board = board_of(monitor)
        for number in range(40):
            heavy = number < unsafe
            board.put(score(number, "unsafe" if heavy else "safe", 0.1 if heavy else 0.5), whole_from=0)
        assert states(decide(board, 1)) == expected


def test_a_sure_monitor_does_not_resolve_on_a_window_that_tells_too_little() -> None:
    board = board_of(SURE)
    for number in range(40):
        board.put(score(number, "unsafe", 0.5), whole_from=0)
    for number in range(1000, 1004):  # four safe calls may hide a rate far above a tenth
        board.put(score(number, "safe", 0.5), whole_from=0)
    assert states(decide(board, 1)) == ["firing"]
    assert states(decide(board, 2)) == []
    for number in range(2000, 2400):
        board.put(score(number, "safe", 0.5), whole_from=0)
    assert states(decide(board, 3)) == ["resolved"]
