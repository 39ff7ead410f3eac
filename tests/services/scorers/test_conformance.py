"""Every scorer of the catalogue keeps the contract, whatever it is shown.

A scorer that needs more than packaged data has its entry and files made by tests.services.scorers.conforming.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from schemas.inference import ContentPart, LogprobSummary, Message, ToolCall, ToolDeclared
from schemas.metrics import SCORES
from schemas.scoring import DeclaredScore, ScorerEntry
from services.scorers.catalogue import LISTING_BY_NAME, load, offer_of
from services.scorers.contract import Score, Scorer, Subject
from services.scorers.prompts import PromptScorers
from services.scorers.workshop import Workshop
from tests.services.scorers.conforming import ENTRIES, conforming_workshop
from tests.services.scorers.odd_texts import LANGUAGES, ODD, megabyte

pytest_plugins = ("tests.fixtures.scorers",)

ORDINARY = ("How do I bake bread?", "Mix flour, water, salt and yeast, wait, and bake it for forty minutes.")
CLOSE = 1e-5


@pytest.fixture(scope="module")
def workshop(scorers: PromptScorers, scorer_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """Where the scorers are made."""
    with conforming_workshop(scorers, scorer_data, tmp_path_factory.mktemp("folder")) as made:
        yield made


@pytest.fixture(scope="module", params=ENTRIES, ids=lambda entry: entry.name)
def entry(request: pytest.FixtureRequest) -> ScorerEntry:
    """Each scorer in turn."""
    found: ScorerEntry = request.param
    return found


@pytest.fixture(scope="module")
def scorer(entry: ScorerEntry, workshop: Workshop) -> Scorer:
    """It, loaded."""
    if missing := offer_of(entry, workshop).missing:
        pytest.skip(missing)
    return load(entry, workshop)


def subject(prompt: str, answer: str, **other: object) -> Subject:
    """Return a call of which every part has one of the two texts."""
    messages = (
        Message(role="system", content="Answer briefly."),
        Message(role="user", content=(ContentPart(type="text", text=prompt), ContentPart(type="image_url"))),
        Message(role="assistant", tool_calls=(ToolCall(id="1", name="look_up", arguments=prompt),)),
        Message(role="tool", content=answer, tool_call_id="1"),
        Message(role="user", content=prompt),
    )
    defaults = Subject(
        prompt=prompt,
        answer=answer,
        messages=messages,
        output=Message(role="assistant", content=answer),
        contexts=(answer, prompt),
        finish_reason="stop",
        app="guard",
        adapter_version="v1",
    )
    return replace(defaults, **other)  # type: ignore[arg-type]


def odd_subjects() -> list[Subject]:
    """Return a call for each odd text, on either side and on both."""
    texts = [*LANGUAGES.values(), *ODD.values()]
    both = [subject(text, text) for text in texts]
    return [*both, *(subject(text, ORDINARY[1]) for text in texts), *(subject(ORDINARY[0], text) for text in texts)]


def bare_subjects() -> list[Subject]:
    """Return calls that lack this or that."""
    whole = subject(*ORDINARY)
    return [
        Subject(),
        whole,
        Subject(prompt=ORDINARY[0]),
        Subject(answer=ORDINARY[1]),
        replace(whole, messages=(), output=None, contexts=()),
        replace(whole, answer="", output=None, finish_reason=""),
        replace(whole, app="nobody", adapter_version="never-published"),
        replace(whole, app="../..", adapter_version="a/b"),
    ]


def assert_formed(scorer: Scorer, rows: Sequence[tuple[Score, ...]], calls: int) -> None:
    """Check that rows are what the card promises."""
    measures = {measure.name: measure for measure in scorer.card.measures}
    assert len(rows) == calls
    for row in rows:
        assert [score.name for score in row] == list(measures)
        for score in row:
            measure = measures[score.name]
            if score.value is None:
                assert 0 < len(score.unjudged) <= 256
                assert score.label == ""
                assert score.categories == ()
                continue
            assert math.isfinite(score.value)
            assert measure.low <= score.value <= measure.high
            assert score.label in measure.labels if measure.labels else score.label == ""
            assert all(0 < len(category) <= 256 for category in score.categories)


def assert_alike(some: Sequence[tuple[Score, ...]], others: Sequence[tuple[Score, ...]]) -> None:
    """Check that rows say the same; matrices of other shapes may round the last digits differently."""
    for row, other in zip(some, others, strict=True):
        assert [(s.unjudged, s.label, s.categories) for s in row] == [
            (s.unjudged, s.label, s.categories) for s in other
        ]
        for score, another in zip(row, other, strict=True):
            expected = None if another.value is None else pytest.approx(another.value, abs=CLOSE, rel=CLOSE)
            assert score.value == expected


def test_a_card_tells_all_there_is_to_know(scorer: Scorer, entry: ScorerEntry) -> None:
    card = scorer.card
    assert card.name == entry.name
    assert all((card.version, card.measures, card.source, card.blind_spots))
    assert "@" not in card.name
    assert len(card.scorer) <= 256
    names = [measure.name for measure in card.measures]
    assert len(set(names)) == len(names)
    for measure in card.measures:
        assert measure.unit
        assert measure.low < measure.high
        assert len(set(measure.labels)) == len(measure.labels)
        msgspec.convert({"name": measure.name}, DeclaredScore)  # its form


def test_every_measure_can_be_monitored_with_the_label_that_counts(scorer: Scorer, entry: ScorerEntry) -> None:
    flagged = {name: meaning.flagged for name, meaning in SCORES.items()}
    flagged |= {score.name: score.flagged for score in entry.declared}
    for measure in scorer.card.measures:
        assert measure.name in flagged, f"schemas.metrics.SCORES lacks {measure.name}"
        assert not flagged[measure.name] or flagged[measure.name] in measure.labels


def test_what_it_says_before_it_is_loaded_is_what_it_says_afterwards(
    scorer: Scorer, entry: ScorerEntry, workshop: Workshop
) -> None:
    assert offer_of(entry, workshop).card == scorer.card


def test_odd_texts_raise_nothing_and_get_rows_of_the_cards_form(scorer: Scorer) -> None:
    subjects = odd_subjects()
    assert_formed(scorer, scorer.score(subjects), len(subjects))


def test_calls_that_lack_parts_raise_nothing(scorer: Scorer) -> None:
    subjects = bare_subjects()
    assert_formed(scorer, scorer.score(subjects), len(subjects))


def test_a_megabyte_raises_nothing(scorer: Scorer) -> None:
    long = megabyte()
    assert_formed(scorer, scorer.score([subject(long, ORDINARY[1]), subject(ORDINARY[0], long)]), 2)


def test_an_empty_call_is_not_judged_and_never_a_zero(scorer: Scorer) -> None:
    (row,) = scorer.score([Subject(app="guard", adapter_version="v1")])
    assert [score.value for score in row] == [None] * len(scorer.card.measures)


def test_an_ordinary_call_is_judged(scorer: Scorer) -> None:
    answer = " ".join([ORDINARY[1]] * 3)
    output = Message(role="assistant", content=answer, tool_calls=(ToolCall(id="1", name="look_up", arguments="{}"),))
    (row,) = scorer.score(
        [
            replace(
                subject(" ".join([ORDINARY[0], "I have an oven, a bowl and four hours of time."]), answer),
                output=output,
                tools=(ToolDeclared(name="look_up", schema='{"type":"object"}'),),
                response_schema='{"type":"string"}',
                logprobs=LogprobSummary(count=9, mean=-0.1, least=-0.9),
            )
        ]
    )
    assert any(score.value is not None for score in row), [score.unjudged for score in row]


def test_no_calls_have_no_rows(scorer: Scorer) -> None:
    assert scorer.score([]) == []


@pytest.mark.parametrize("arranged", [list, lambda some: some[::-1]], ids=["again", "in another order"])
def test_it_says_the_same_of_the_same(scorer: Scorer, arranged: Callable[[list[int]], list[int]]) -> None:
    subjects = [*odd_subjects()[::7], *bare_subjects()]
    rows, order = scorer.score(subjects), arranged(list(range(len(subjects))))
    again = scorer.score([subjects[at] for at in order])
    assert_alike(again, [rows[at] for at in order])


def test_a_batch_is_judged_as_each_call_is_alone(scorer: Scorer) -> None:
    subjects = [*odd_subjects()[::7], *bare_subjects()]
    assert_alike(scorer.score(subjects), [row for one in subjects for row in scorer.score([one])])


def test_half_a_surrogate_pair_counts_as_a_character_that_cant_be_read(scorer: Scorer) -> None:
    broken, read = (subject(f"bread {mark}", f"{mark} bread") for mark in ("\ud83d", "\ufffd"))
    assert_alike(scorer.score([broken]), scorer.score([read]))


def test_the_suite_knows_every_scorer() -> None:
    assert set(LISTING_BY_NAME) <= {entry.name for entry in ENTRIES}
