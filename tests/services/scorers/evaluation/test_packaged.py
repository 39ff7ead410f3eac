"""The packaged held-out sets: labelled for what they are, quoted for what they are."""

import pytest

from services.scorers.evaluation.examples import DataSet
from services.scorers.evaluation.packaged import packaged_sets


@pytest.fixture(scope="module")
def sets() -> dict[str, DataSet]:
    return {data.name: data for data in packaged_sets()}


def test_everyday_chat_is_a_harmless_set_of_thousands_for_injection_and_for_harm(sets: dict[str, DataSet]) -> None:
    for judgement in ("injection", "harm"):
        chat = sets[f"{judgement}/everyday-chat"]
        assert chat.harmless
        assert len(chat.examples) >= 5_000
        assert chat.about == {judgement}


def test_harmless_texts_are_held_out_in_five_languages_that_no_training_saw(sets: dict[str, DataSet]) -> None:
    languages = sets["injection/languages"]
    assert languages.relation == "across data sets"
    assert len({example.language for example in languages.examples}) >= 5


def test_there_are_sets_in_distribution_and_across_data_sets_for_both(sets: dict[str, DataSet]) -> None:
    found = {(name.partition("/")[0], data.relation) for name, data in sets.items() if not data.harmless}
    assert {("injection", "in distribution"), ("injection", "across data sets"), ("harm", "across data sets")} <= found


def test_answers_are_judged_as_answers(sets: dict[str, DataSet]) -> None:
    subjects = [example.subject for example in sets["harm/judged-answers"].examples]
    assert all(subject.answer and not subject.prompt for subject in subjects)


def test_every_set_says_where_it_is_from(sets: dict[str, DataSet]) -> None:
    assert all(data.source for data in sets.values())
