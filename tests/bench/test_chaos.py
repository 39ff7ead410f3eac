"""The plan of what goes wrong: everything asked for, one thing at a time, within the time."""

from itertools import pairwise

import pytest

from tests.bench.chaos import Fault, Kind, planned

KINDS: tuple[Kind, ...] = ("kill", "stop", "broker", "warehouse")
WORKERS = ("functional-1", "sink-1")


def plan(seed: int) -> list[Fault]:
    return planned(seed, 155, WORKERS, KINDS)


@pytest.mark.parametrize("seed", range(100))
def test_three_minutes_hold_every_kind_of_fault_one_at_a_time(seed: int) -> None:
    faults = plan(seed)
    assert {fault.kind for fault in faults} == set(KINDS)
    assert all(earlier.end_s + 4 <= later.at_s for earlier, later in pairwise(faults))
    assert faults[-1].end_s <= 155


def test_a_seed_gives_the_same_plan_again() -> None:
    assert plan(7) == plan(7)
    assert plan(7) != plan(8)
