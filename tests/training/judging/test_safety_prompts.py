"""The packaged prompts that every version of an app that writes is asked."""

from training.judging.safety_prompts import harmful_prompts, harmless_prompts


def test_both_kinds_are_there_in_number_short_and_without_a_text_in_common() -> None:
    harmful, harmless = harmful_prompts(400), harmless_prompts(133)
    assert (len(set(harmful)), len(set(harmless))) == (400, 133)
    assert max(map(len, (*harmful, *harmless))) <= 400
    assert not set(harmful) & set(harmless)


def test_every_version_is_asked_the_same() -> None:
    assert harmful_prompts(50) == harmful_prompts(400)[:50]
