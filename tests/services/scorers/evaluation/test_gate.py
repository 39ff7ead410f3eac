"""The regression gate: committed figures hold for the scorers at hand, and the page tells them.

    driftloop scorers evaluate --figures tests/services/scorers/figures.json
    python -m services.scorers.evaluation.page tests/services/scorers/figures.json docs/scores.md

compute them again, when a scorer or its data has changed on purpose.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from schemas.scoring import ScorerEntry
from services.scorers.catalogue import CATALOGUE, load
from services.scorers.contract import Card, Score, Scorer, Subject
from services.scorers.evaluation.committed import breaches, catalogued_cards, gate_results, read_committed
from services.scorers.evaluation.examples import DataSet
from services.scorers.evaluation.packaged import packaged_sets
from services.scorers.evaluation.page import page_of
from services.scorers.evaluation.results import Result
from services.scorers.workshop import Workshop

pytest_plugins = ("tests.fixtures.scorers",)

ROOT = Path(__file__).parents[4]
FIGURES = ROOT / "tests/services/scorers/figures.json"
COMMITTED = read_committed(FIGURES)
BREAD = "How do I bake bread?"
HELD = sorted({result.scorer for result in COMMITTED.gate})


@pytest.fixture(scope="module")
def workshop(scorer_data: Path) -> Workshop:
    return Workshop(scorer_data, ROOT, lambda app, version: None)


@pytest.fixture(scope="module")
def sets() -> tuple[DataSet, ...]:
    return packaged_sets()


def held(name: str) -> list[Result]:
    return [result for result in COMMITTED.gate if result.scorer == name]


def test_the_gate_holds_something() -> None:
    assert HELD
    assert {result.data_set for result in COMMITTED.gate} == {data.name for data in COMMITTED.data}


@pytest.mark.parametrize("name", HELD)
def test_no_committed_figure_has_left_its_interval(name: str, workshop: Workshop, sets: tuple[DataSet, ...]) -> None:
    scorer = load(ScorerEntry(name=name), workshop)
    assert breaches(held(name), gate_results(scorer, sets, most=COMMITTED.gate_examples)) == []


class Distracted:
    """A scorer that reads something else than every third prompt."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    @property
    def card(self) -> Card:
        return self._scorer.card

    def score(self, subjects: Sequence[Subject]) -> list[tuple[Score, ...]]:
        shown = [replace(one, prompt=BREAD) if place % 3 == 0 else one for place, one in enumerate(subjects)]
        return self._scorer.score(shown)


def test_a_scorer_that_becomes_worse_does_not_pass(workshop: Workshop, sets: tuple[DataSet, ...]) -> None:
    scorer = Distracted(load(ScorerEntry(name="harm-head"), workshop))
    lines = breaches(held("harm-head"), gate_results(scorer, sets, most=COMMITTED.gate_examples))
    assert any(": auc is " in line for line in lines)


def test_the_examples_of_the_gate_are_the_ones_that_were_committed(sets: tuple[DataSet, ...]) -> None:
    digests = {data.name: data.thinned(COMMITTED.gate_examples, even=True).digest for data in sets}
    committed = {result.data_set: result.data_hash for result in COMMITTED.gate}
    assert committed == {name: digests.get(name) for name in committed}, "compute the figures again"


def test_the_figures_are_of_the_versions_that_stand_in_the_catalogue(workshop: Workshop) -> None:
    versions = {card.name: card.version for card in catalogued_cards(workshop)}
    committed = {card.name: card.version for card in COMMITTED.scorers}
    assert committed == versions, "compute the figures again"


def test_the_page_tells_the_committed_figures() -> None:
    assert (ROOT / "docs/scores.md").read_text(encoding="utf-8") == page_of(COMMITTED), "write the page again"


def test_the_page_names_every_scorer_of_the_catalogue() -> None:
    page = (ROOT / "docs/scores.md").read_text(encoding="utf-8")
    assert [listing.name for listing in CATALOGUE if f"\n## {listing.name}\n" not in page] == []
