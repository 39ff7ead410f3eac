"""A row of the forgetting matrix."""

from collections.abc import Sequence

import pytest

from training.data.dataset import Example
from training.judging.forgetting import EarlierSet, Worth, forgetting


def _example(request_id: str) -> Example:
    return Example(request_id=request_id, messages=(), prompt="", label="safe", slice="", recent=False, split="holdout")


def test_each_earlier_set_is_a_cell_and_only_what_is_unknown_is_answered_once() -> None:
    asked: list[str] = []

    def answered(examples: Sequence[Example]) -> list[Worth]:
        asked.extend(example.request_id for example in examples)
        return [(0.0, 1.0) for _ in examples]

    sets = [
        EarlierSet("v2", (_example("a"), _example("b")), gone=1),
        EarlierSet("v1", (_example("b"), _example("c")), gone=0),
        EarlierSet("v0", (), gone=7),
    ]
    cells = forgetting(sets, {"a": (1.0, 1.0)}, answered)
    assert asked == ["b", "c"]
    assert [(c.held_out_of, c.value, c.served, c.count, c.gone) for c in cells] == [
        ("v2", pytest.approx(0.5), 1.0, 2, 1),
        ("v1", 0.0, 1.0, 2, 0),
    ]


def test_nobody_is_asked_where_everything_is_known() -> None:
    def never(_: Sequence[Example]) -> list[Worth]:
        raise AssertionError

    assert forgetting([EarlierSet("v1", (_example("a"),), 0)], {"a": (1.0, 0.0)}, never)[0].value == 1.0
