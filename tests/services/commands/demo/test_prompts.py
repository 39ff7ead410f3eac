"""The demonstration's prompts: real, labelled, and held out for good."""

from collections import Counter

from services.commands.demo import prompts
from services.commands.demo.prompt import Said
from services.commands.demo.prompts import (
    MAX_CHARACTERS,
    LabelledPrompt,
    earlier_traffic,
    held_out_earlier,
    held_out_shifted,
    shifted_traffic,
)


def counts(there: tuple[LabelledPrompt, ...]) -> Counter[tuple[str, str]]:
    return Counter((prompt.slice, prompt.label) for prompt in there)


def test_earlier_traffic_is_injections_among_benign_prompts() -> None:
    there = counts(earlier_traffic())
    assert set(there) == {("injection", "unsafe"), ("benign", "safe")}
    assert min(there.values()) > 600


def test_shifted_traffic_is_harmful_requests_among_benign_ones() -> None:
    there = counts(shifted_traffic())
    assert set(there) == {
        ("advbench", "unsafe"),
        ("harmbench", "unsafe"),
        ("neuralchemy-benign", "safe"),
        ("harmbench-benign", "safe"),
    }
    assert min(there.values()) > 45


def test_no_prompt_is_both_traffic_and_held_out() -> None:
    traffic = {prompt.text for prompt in (*earlier_traffic(), *shifted_traffic())}
    held_out = {prompt.text for prompt in (*held_out_earlier(10_000), *held_out_shifted(10_000))}
    assert len(held_out) > 700
    assert not traffic & held_out


def test_held_out_prompts_keep_the_slices_in_proportion() -> None:
    everything, some = counts(held_out_shifted(10_000)), counts(held_out_shifted(200))
    assert 195 <= some.total() <= 200
    for slice_, count in everything.items():
        assert abs(some[slice_] / some.total() - count / everything.total()) < 0.02


def test_the_sets_are_the_same_in_every_process() -> None:
    first = (earlier_traffic(), held_out_shifted(100))
    prompts._sets.cache_clear()
    assert (earlier_traffic(), held_out_shifted(100)) == first


def test_a_long_prompt_is_cut_before_it_is_sent() -> None:
    system, user = LabelledPrompt("x" * 5_000, "safe", "benign").messages
    assert (system["role"], user["role"]) == ("system", "user")
    assert user["content"] == "x" * MAX_CHARACTERS


def test_a_user_of_the_guard_says_the_label_whatever_the_answer_was() -> None:
    prompt = LabelledPrompt("hello", "safe", "benign")
    assert prompt.judged("unsafe") == prompt.judged("safe") == prompt.known == Said(label="safe")
    assert (prompt.worth("safe"), prompt.worth("unsafe")) == (1, 0)
    assert prompt.spoilt == Said(label="unsafe")
