"""Every code of every guard stands for a hazard, every hazard is some guard's, and the way back is the way there."""

import typing

import pytest

from schemas.guards import Hazard
from services.scorers.guards.hazards import CODES, Vocabulary, codes_of, hazards_of, nameable
from tests.services.scorers.guards import templates

HAZARDS = set(typing.get_args(Hazard))
VOCABULARIES = typing.get_args(Vocabulary)
# Beside the tables of the code: what the guards' cards and OpenAI's guide list.
COUNTS = {
    "llama-guard-1": 7, "llama-guard-2": 11, "llama-guard-3": 14, "llama-guard-4": 14, "openai-moderation": 13,
    "shield-gemma": 4, "wild-guard": 1, "granite-guardian": 7, "qwen3-guard": 9, "nemo-guard": 23,
}  # fmt: skip


def test_every_vocabulary_is_there_whole() -> None:
    assert {name: len(codes) for name, codes in CODES.items()} == COUNTS
    assert set(CODES) == set(VOCABULARIES)


def test_every_code_stands_for_hazards_that_are_in_the_vocabulary() -> None:
    for codes in CODES.values():
        for hazards in codes.values():
            assert hazards
            assert HAZARDS.issuperset(hazards)


def test_every_hazard_is_named_by_some_guard() -> None:
    assert set().union(*(nameable(vocabulary) for vocabulary in VOCABULARIES)) == HAZARDS


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
def test_the_way_back_finds_every_code_that_stands_for_a_hazard_and_no_other(vocabulary: Vocabulary) -> None:
    for hazard in HAZARDS:
        back = codes_of(vocabulary, [hazard])
        assert all(hazard in hazards_of(vocabulary, [code]) for code in back)
        assert all(code in back for code in CODES[vocabulary] if hazard in CODES[vocabulary][code])
        assert bool(back) == (hazard in nameable(vocabulary))


def test_llama_guard_3s_codes_are_the_published_ones() -> None:
    published = [f"{code}: {name}" for code, name in templates.policy_3().items()]
    ours = [f"{code}: {hazards[0]}" for code, hazards in CODES["llama-guard-3"].items()]

    assert [line.partition(":")[0] for line in ours] == [line.partition(":")[0] for line in published]
    assert ours[9] == "S10: hate"
    assert published[9] == "S10: Hate"
    assert (ours[3], published[3]) == ("S4: child-sexual-exploitation", "S4: Child Sexual Exploitation")


def test_the_same_number_is_another_hazard_in_another_version() -> None:
    assert hazards_of("llama-guard-2", ["S9"]) == ("hate",)
    assert hazards_of("llama-guard-3", ["S9"]) == ("indiscriminate-weapons",)


def test_a_code_that_nobody_published_is_other() -> None:
    assert hazards_of("llama-guard-3", ["S99", "S1"]) == ("other", "violent-crimes")
