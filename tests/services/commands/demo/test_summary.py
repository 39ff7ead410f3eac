"""The bars of the demonstration: each can be missed, and a run that meets all of them misses none."""

from typing import Any

import msgspec
import pytest

from schemas.proportions import accuracy
from services.commands.demo.scenario import Bars
from services.commands.demo.summary import Accuracies, Events, Rollback, failures, recovered_share

EVENTS = Events(sent=103, stored=100, dead_lettered=3, lost=0, failed_calls=0)
ACCURACY = Accuracies(
    baseline=accuracy(95, 100),
    after_shift=accuracy(60, 100),
    after_fix=accuracy(94, 100),
    earlier_after_fix=accuracy(93, 100),
    recovered_share=0.97,
    slices={},
    worse=(),
)
ROLLBACK = Rollback(
    version="guard-v3", refused_first=True, peak_share=0.2, allowed_share=0.2, seconds=9.0, answered=28, reason=""
)


def _missed(**changed: Any) -> list[str]:
    found = {
        "events": EVENTS,
        "accuracy": ACCURACY,
        "rollback": ROLLBACK,
        "false_alarms": 0,
        "unresolved": [],
        **changed,
    }
    return failures(**found, bars=Bars())


def test_a_run_that_meets_every_bar_misses_none() -> None:
    assert _missed() == []


@pytest.mark.parametrize(
    ("part", "change", "word"),
    [
        ("events", {"stored": 99}, "99 stored"),
        ("events", {"stored": 101}, "101 stored"),
        ("events", {"lost": 1}, "1 lost"),
        ("accuracy", {"recovered_share": 0.79}, "79% of the loss"),
        ("accuracy", {"earlier_after_fix": accuracy(80, 100)}, "earlier traffic lost"),
        ("rollback", {"refused_first": False}, "not refused"),
        ("rollback", {"peak_share": 0.5}, "share 0.5"),
    ],
)
def test_each_bar_can_be_missed(part: str, change: dict[str, Any], word: str) -> None:
    good = {"events": EVENTS, "accuracy": ACCURACY, "rollback": ROLLBACK}[part]
    (missed,) = _missed(**{part: msgspec.structs.replace(good, **change)})
    assert word in missed


def test_lineage_that_does_not_resolve_is_a_miss() -> None:
    assert _missed(unresolved=["adapter_hash"]) == ["lineage: adapter_hash does not resolve"]


def test_an_alert_before_the_shift_is_a_miss() -> None:
    assert _missed(false_alarms=2) == ["monitors: 2 alerts fired before the shift"]


def test_recovered_share_is_of_what_was_lost() -> None:
    assert recovered_share(baseline=0.9, after_shift=0.6, after_fix=0.84) == pytest.approx(0.8)


def test_nothing_lost_is_no_demonstration() -> None:
    with pytest.raises(ValueError, match="no loss to recover"):
        recovered_share(baseline=0.6, after_shift=0.6, after_fix=0.9)
