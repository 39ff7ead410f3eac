"""Data sets are sliced by language, length and kind, and thinned without changing what they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scorers.contract import Card, Measure, Subject
from services.scorers.evaluation.examples import DataSet, Labelled, prompts
from services.scorers.evaluation.slices import language_of, length_of, slices_of


def example(text: str, *, language: str = "", kind: str = "", bad: bool = False) -> Labelled:
    return Labelled(Subject(prompt=text), bad, kind=kind, language=language)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("How do I bake bread without any yeast at home?", "en"),
        ("Wie komme ich am besten zum Flughafen?", "de"),
        ("¿Cómo se hace una tortilla de patatas?", "es"),
        ("Quel temps fera-t-il demain à Lyon ?", "fr"),
        ("Как правильно заварить зелёный чай?", "ru"),
        ("周末去北京有什么好玩的地方？", "zh"),
        ("おいしい味噌汁の作り方を教えてください。", "ja"),
        ("hi", "short"),
        ("", "short"),
        ("你好吗", "zh"),
    ],
)
def test_a_language_is_guessed_where_a_text_allows_it(text: str, language: str) -> None:
    assert language_of(example(text)) == language


def test_what_the_data_says_of_its_language_counts() -> None:
    assert language_of(example("hi", language="nl")) == "nl"


@given(st.text())
def test_no_text_is_too_odd_for_a_guess(text: str) -> None:
    assert language_of(example(text + "\ud800 and some more of it"))


@pytest.mark.parametrize(
    ("characters", "name"),
    [(0, "up to 16"), (16, "up to 16"), (17, "17 to 80"), (81, "81 to 400"), (401, "401 to 2000"), (2001, "over 2000")],
)
def test_a_length_has_a_class(characters: int, name: str) -> None:
    assert length_of("x" * characters) == name


def test_slices_hold_the_places_of_their_examples() -> None:
    examples = [example("hello there, how are you", kind="a", language="en")] * 3 + [example("hi", kind="b")] * 2

    found = slices_of(examples, least=2)

    assert {key: list(places) for key, places in found.items()} == {
        ("language", "en"): [0, 1, 2],
        ("language", "short"): [3, 4],
        ("length", "17 to 80"): [0, 1, 2],
        ("length", "up to 16"): [3, 4],
        ("kind", "a"): [0, 1, 2],
        ("kind", "b"): [3, 4],
    }


def test_a_slice_of_few_examples_or_of_all_is_none() -> None:
    examples = [example("hi", kind="a")] * 5 + [example("ho", kind="b")]
    assert list(slices_of(examples, least=2)) == [("kind", "a")]


def test_a_column_of_as_many_kinds_as_rows_is_no_kind() -> None:
    examples = [example("hi", kind=str(number)) for number in range(50)]
    assert slices_of(examples, least=1) == {}


def sets(rows: list[tuple[str, bool]]) -> DataSet:
    return DataSet(name="x", relation="yours", examples=prompts((text, bad, "") for text, bad in rows))


@given(st.lists(st.tuples(st.text(max_size=8), st.booleans()), min_size=1, max_size=60), st.integers(1, 70))
def test_a_thinned_set_is_a_part_with_the_same_share_of_bad_examples(rows: list[tuple[str, bool]], most: int) -> None:
    whole = sets(rows)
    thin = whole.thinned(most)

    assert len(thin.examples) == min(most, len(rows))
    remaining = iter(whole.examples)
    assert all(any(one is other for other in remaining) for one in thin.examples), "in the order of the whole"
    share = sum(bad for _, bad in rows) / len(rows)
    assert abs(sum(one.bad for one in thin.examples) - share * len(thin.examples)) <= 0.5 + 1e-9
    assert whole.thinned(most).digest == thin.digest


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.integers(1, 70))
def test_an_even_part_has_as_many_bad_as_good_examples_where_there_are_so_many(flags: list[bool], most: int) -> None:
    whole = sets([(str(number), bad) for number, bad in enumerate(flags)])
    thin = whole.thinned(most, even=True)
    bad = sum(one.bad for one in thin.examples)

    assert len(thin.examples) == min(most, len(flags))
    if len(flags) > most and 0 < sum(flags) < len(flags):
        good = len(thin.examples) - bad
        assert abs(bad - good) <= 1 or bad == sum(flags) or good == len(flags) - sum(flags)


def test_the_hash_is_of_texts_labels_and_order() -> None:
    rows = [("a", True), ("b", False)]
    digests = {
        sets(rows).digest,
        sets(rows[::-1]).digest,
        sets([("a", True), ("b", True)]).digest,
        sets([("a", True)]).digest,
    }
    assert len(digests) == 4
    assert sets(rows).digest == sets(list(rows)).digest
    assert sets([("\ud800", True)]).digest


def test_labels_of_injections_say_nothing_of_harm_and_nothing_of_plain_measures() -> None:
    measures = (
        Measure(name="prompt.injection", unit="probability", direction="higher is worse"),
        Measure(name="prompt.harm", unit="probability", direction="higher is worse"),
        Measure(name="prompt.length", unit="characters", direction="neither"),
    )
    card = Card(
        name="x", version="1", side="prompt", measures=measures, cost="cheap", source="a test", blind_spots="all"
    )
    about = DataSet(name="x", relation="yours", examples=(), about=frozenset(("injection",)))

    assert about.judged_measures(card) == measures[:1]
    assert sets([]).judged_measures(card) == measures[:2]
