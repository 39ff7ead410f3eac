"""References: what training prompts look like, and how far other prompts lie from them."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.reference import Reference
from services.scorers.distance import distances
from services.scorers.histograms import histogram
from services.scorers.prompts import PromptScorers
from services.scorers.reference import build_reference

pytest_plugins = ("tests.fixtures.scorers",)

COOKING = [
    f"how long do I {verb} the {food}"
    for verb in ("bake", "boil", "fry")
    for food in ["bread", "rice", "eggs", "beans"]
]
ENGINES = [
    f"why does the {part} of my car {fault}" for part in ("engine", "gearbox", "clutch") for fault in ("leak", "stall")
]


@pytest.fixture(scope="module")
def reference(scorers: PromptScorers) -> Reference:
    """A reference of cooking prompts."""
    return build_reference("v1", COOKING, COOKING, scorers)


def test_unlike_prompts_lie_farther(scorers: PromptScorers, reference: Reference) -> None:
    near = distances(scorers.embedder.embed(COOKING), reference)
    far = distances(scorers.embedder.embed(ENGINES), reference)

    assert near.max() < far.min()


def test_a_reference_survives_being_written_down(reference: Reference) -> None:
    assert msgspec.json.decode(msgspec.json.encode(reference), type=Reference) == reference
    assert set(reference.histograms) == {"prompt.distance", "prompt.injection", "prompt.harm"}


def test_the_same_seed_gives_the_same_reference(scorers: PromptScorers, reference: Reference) -> None:
    assert build_reference("v1", COOKING, COOKING, scorers) == reference


def test_another_embedding_is_refused(scorers: PromptScorers, reference: Reference) -> None:
    foreign = msgspec.structs.replace(reference, embedding="other-384")

    with pytest.raises(ValueError, match="other-384"):
        distances(scorers.embedder.embed(["x"]), foreign)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=300))
def test_a_histogram_holds_every_value_once(values: list[float]) -> None:
    made = histogram(values)

    assert sum(made.proportions) == pytest.approx(1)
    assert list(made.edges) == sorted(set(made.edges))
    assert len(made.proportions) <= 19


def test_quantile_bins_are_equally_full() -> None:
    assert histogram(np.linspace(0, 1, 1000)).proportions == pytest.approx((0.1,) * 10)


def test_nothing_has_no_histogram() -> None:
    with pytest.raises(ValueError, match="at least one"):
        histogram([])
