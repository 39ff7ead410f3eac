"""DDSketch: the bound on quantiles, and merging without loss."""

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.observations import Sketch
from schemas.sketches import RELATIVE_ACCURACY, SMALLEST, Accumulator, merge, quantile

values = st.lists(st.floats(min_value=0, max_value=1e9).map(lambda v: 0.0 if v < SMALLEST else v), min_size=1)


def sketch_of(numbers: list[float]) -> Sketch:
    accumulator = Accumulator()
    for number in numbers:
        accumulator.add(number)
    return accumulator.sketch()


@given(numbers=values, q=st.floats(0, 1))
def test_every_quantile_is_within_the_relative_accuracy_of_the_exact_one(numbers: list[float], q: float) -> None:
    exact = sorted(numbers)[math.floor(q * (len(numbers) - 1))]
    found = quantile(sketch_of(numbers), q)
    assert abs(found - exact) <= RELATIVE_ACCURACY * exact * (1 + 1e-9)


@given(left=values, right=values)
def test_merging_equals_the_sketch_of_all_values(left: list[float], right: list[float]) -> None:
    merged, whole = merge([sketch_of(left), sketch_of(right)]), sketch_of(left + right)
    assert (merged.bins, merged.zeros, merged.count) == (whole.bins, whole.zeros, whole.count)
    assert merged.total == pytest.approx(whole.total)


@given(numbers=values)
def test_a_sketch_survives_the_wire(numbers: list[float]) -> None:
    sketch = sketch_of(numbers)
    assert msgspec.json.decode(msgspec.json.encode(sketch), type=Sketch) == sketch


def test_a_quantile_beyond_the_ends_is_the_end() -> None:
    accumulator = Accumulator()
    for value in (10.0, 20.0, 30.0):
        accumulator.add(value)
    sketch = accumulator.sketch()
    assert quantile(sketch, 1.2) == quantile(sketch, 1.0) == pytest.approx(30, rel=0.01)
    assert quantile(sketch, -0.2) == quantile(sketch, 0.0) == pytest.approx(10, rel=0.01)


def test_an_empty_sketch_has_no_quantile() -> None:
    with pytest.raises(ValueError, match="empty"):
        quantile(merge([]), 0.5)


def test_sketches_of_different_accuracy_do_not_merge() -> None:
    with pytest.raises(ValueError, match="relative accuracy"):
        merge([Sketch(relative_accuracy=0.02, count=1, zeros=1)])
