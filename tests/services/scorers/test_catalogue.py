"""Which scorers run for an app, what is offered, and what a user's own must keep to."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from schemas.behaviour import BEHAVIOUR_SCORES
from schemas.scoring import DeclaredScore, ScorerEntry
from services.scorers.behaviour.catalogue import BEHAVIOUR_CARDS
from services.scorers.catalogue import BEHAVIOURS, CATALOGUE, entries_for, load, load_all, process_of
from services.scorers.contract import Card, Measure, Score, Subject
from services.scorers.entry_points import ScorerFault
from services.scorers.offers import ScorerUnavailable, Wanted
from services.scorers.workshop import Workshop

HERE = "tests.services.scorers.test_catalogue"
STANDARD = [listing.name for listing in CATALOGUE if listing.standard]
CARD = Card(
    name="odd",
    version="1",
    side="prompt",
    measures=(Measure(name="prompt.odd", unit="ratio", direction="neither", labels=("even", "odd")),),
    cost="cheap",
    source="a test",
    blind_spots="all",
)
CALLS = (Subject(prompt="a"), Subject(prompt="b"))


class Scripted:
    """Returns what it was told to."""

    def __init__(self, rows: Sequence[tuple[Score, ...]], card: Card = CARD) -> None:
        self.card = card
        self._rows = list(rows)

    def score(self, subjects: Sequence[Subject]) -> list[tuple[Score, ...]]:
        return self._rows


def good(wanted: Wanted) -> Scripted:
    return Scripted([(Score("prompt.odd", 0.5, "odd"),)] * 2)


def one_row(wanted: Wanted) -> Scripted:
    return Scripted([(Score("prompt.odd", 0.5),)])


def other_name(wanted: Wanted) -> Scripted:
    return Scripted([(Score("prompt.even", 0.5),)] * 2)


def out_of_bounds(wanted: Wanted) -> Scripted:
    return Scripted([(Score("prompt.odd", 1.5),)] * 2)


def unknown_label(wanted: Wanted) -> Scripted:
    return Scripted([(Score("prompt.odd", 0.5, "strange"),)] * 2)


def long_reason(wanted: Wanted) -> Scripted:
    return Scripted([(Score("prompt.odd", None, unjudged="x" * 300),)] * 2)


def failing(wanted: Wanted) -> Scripted:
    raise FileNotFoundError("weights.bin\nis not there")


def no_scorer(wanted: Wanted) -> object:
    return "odd"


def other_measures(wanted: Wanted) -> Scripted:
    return Scripted([], replace(CARD, measures=(replace(CARD.measures[0], name="prompt.other"),)))


def never_flagged(wanted: Wanted) -> Scripted:
    return Scripted([], replace(CARD, measures=(replace(CARD.measures[0], labels=()),)))


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path, tmp_path, lambda app, version: None, {})


def own(factory: str, name: str = "odd", score: str = "prompt.odd") -> ScorerEntry:
    measures = (DeclaredScore(name=score, flagged="odd"),)
    return ScorerEntry(name=name, entry_point=f"{HERE}:{factory}", measures=measures)


def test_without_entries_the_standard_scorers_run() -> None:
    assert [entry.name for entry in entries_for((), "guard")] == STANDARD


def test_an_entry_changes_one_scorer_adds_another_and_leaves_the_rest() -> None:
    entries = (ScorerEntry(name=STANDARD[1], sample=0.5), ScorerEntry(name=STANDARD[0], enabled=False), own("good"))
    found = entries_for(entries, "guard")
    assert [entry.name for entry in found] == [*STANDARD[1:], "odd"]
    assert found[0].sample == 0.5


def test_an_apps_own_entry_goes_before_that_of_every_app() -> None:
    entries = (ScorerEntry(name=STANDARD[0], enabled=False), ScorerEntry(name=STANDARD[0], app="guard", threshold=0.9))
    assert STANDARD[0] not in [entry.name for entry in entries_for(entries, "other")]
    assert entries_for(entries, "guard")[0].threshold == 0.9


def test_a_users_own_scorer_runs_where_its_entry_says() -> None:
    assert process_of(own("good")) == "quality"
    assert process_of(ScorerEntry(name=STANDARD[0])) == "safety"


def test_looking_at_the_catalogue_loads_no_model() -> None:
    program = (
        "import sys, services.scorers.catalogue; print({'torch', 'numpy', 'wordllama', 'spacy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_an_entry_point_is_a_scorer(workshop: Workshop) -> None:
    scorer = load(own("good"), workshop)
    assert [row[0].value for row in scorer.score(CALLS)] == [0.5, 0.5]


@pytest.mark.parametrize("factory", ["one_row", "other_name", "out_of_bounds", "unknown_label", "long_reason"])
def test_an_entry_point_that_breaks_its_promise_is_told_and_not_recorded(factory: str, workshop: Workshop) -> None:
    with pytest.raises(ScorerFault):
        load(own(factory), workshop).score(CALLS)


@pytest.mark.parametrize(
    ("factory", "said"),
    [
        ("missing", "odd: .*:missing: AttributeError: "),
        ("failing", "odd: .*:failing: FileNotFoundError: weights.bin$"),
        ("no_scorer", "odd: .*: AttributeError: "),
        ("other_measures", "declares prompt.odd but .* gives prompt.other"),
        ("never_flagged", "prompt.odd is never labelled 'odd'"),
    ],
)
def test_an_entry_point_that_cannot_be_had_is_named_in_one_line(factory: str, said: str, workshop: Workshop) -> None:
    with pytest.raises(ScorerUnavailable, match=said) as raised:
        load(own(factory), workshop)
    assert "\n" not in str(raised.value)


def test_of_two_scorers_with_scores_of_one_name_the_second_is_left_out(workshop: Workshop) -> None:
    loaded, lacking = load_all([own("good"), own("good", name="again")], workshop)
    assert [entry.name for entry, _ in loaded] == ["odd"]
    assert [str(error) for error in lacking] == ["again: prompt.odd is a score of odd already"]


def test_every_scorer_of_behaviour_stands_in_the_catalogue() -> None:
    assert sorted(BEHAVIOURS) == sorted(BEHAVIOUR_CARDS)
    assert {m.name for card in BEHAVIOUR_CARDS.values() for m in card.measures} == set(BEHAVIOUR_SCORES)
