import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.observations import Sketch
from services.rollout.sketches import merged, quantile

ACCURACY = 0.01


def sketch_of(values: list[float], accuracy: float = ACCURACY) -> Sketch:
    gamma = (1 + accuracy) / (1 - accuracy)
    bins: dict[int, int] = {}
    for value in values:
        if value > 0:
            index = math.ceil(math.log(value, gamma))
            bins[index] = bins.get(index, 0) + 1
    zeros = sum(value == 0 for value in values)
    return Sketch(relative_accuracy=accuracy, bins=bins, zeros=zeros, count=len(values), total=sum(values))


@given(
    st.lists(st.just(0.0) | st.floats(0.01, 1e6), min_size=1, max_size=60),
    st.lists(st.just(0.0) | st.floats(0.01, 1e6), max_size=60),
    st.floats(0, 1),
)
def test_merged_quantile_is_the_quantile_of_all_values(left: list[float], right: list[float], q: float) -> None:
    both = merged([sketch_of(left), sketch_of(right)])
    assert both is not None
    values = sorted(left + right)
    # The floor of the rank is the value that the sketch promises; equal ranks may round either way.
    expected = values[min(math.floor(q * (len(values) - 1)), len(values) - 1)]
    assert quantile(both, q) == pytest.approx(expected, rel=ACCURACY * 1.001, abs=1e-9)


def test_merging_nothing_gives_nothing() -> None:
    assert merged([]) is None


def test_sketches_of_different_accuracy_are_not_mixed() -> None:
    with pytest.raises(ValueError, match=r"0\.01 and 0\.02"):
        merged([sketch_of([1.0]), sketch_of([1.0], 0.02)])
