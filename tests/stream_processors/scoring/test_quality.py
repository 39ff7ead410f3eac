"""Quality: distance to the reference of the version that answered, and nothing without one."""

import pytest

from schemas.reference import Reference
from services.scorers.embedding import Embedder
from services.scorers.prompts import PromptScorers
from services.scorers.reference import build_reference
from stream_processors.scoring.quality import score_quality
from tests.stream_processors.observed import response

pytest_plugins = ("tests.fixtures.scorers",)

COOKING = [
    f"how long do I {verb} the {food}" for verb in ("bake", "boil", "fry") for food in ("bread", "rice", "eggs", "fish")
]


@pytest.fixture(scope="module")
def reference(scorers: PromptScorers) -> Reference:
    """A reference of cooking prompts."""
    return build_reference("prompt-guard-v1", COOKING, COOKING, scorers)


@pytest.fixture(scope="module")
def embedder(scorers: PromptScorers) -> Embedder:
    """The loaded embedder."""
    return scorers.embedder


def test_foreign_prompts_score_higher_than_known_ones(embedder: Embedder, reference: Reference) -> None:
    responses = [response(1, prompt=COOKING[3]), response(2, prompt="why does my gearbox leak oil")]

    known, foreign = score_quality(responses, embedder, lambda app, version: reference)

    assert (known.name, known.request_id, known.label) == ("prompt.distance", "r1", "")
    assert 0 <= known.value < foreign.value <= 2


def test_versions_without_reference_have_no_score(embedder: Embedder, reference: Reference) -> None:
    responses = [response(1, adapter_version=""), response(2), response(3, adapter_version="v9")]

    scores = score_quality(responses, embedder, lambda app, version: reference if version.endswith("v1") else None)

    assert [score.request_id for score in scores] == ["r2"]


def test_each_version_is_compared_with_its_own_reference(embedder: Embedder, reference: Reference) -> None:
    asked: list[tuple[str, str]] = []

    def find(app: str, version: str) -> Reference:
        asked.append((app, version))
        return reference

    score_quality([response(1), response(2, adapter_version="prompt-guard-v2"), response(3)], embedder, find)

    assert asked == [("prompt-guard", "prompt-guard-v1"), ("prompt-guard", "prompt-guard-v2")]


def test_a_response_read_twice_makes_the_same_score(embedder: Embedder, reference: Reference) -> None:
    first, second = (score_quality([response(5)], embedder, lambda app, version: reference) for _ in range(2))

    assert first == second
