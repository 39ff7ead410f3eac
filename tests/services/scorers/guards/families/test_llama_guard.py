"""Llama Guard 1 to 4: scores and categories are plain generation's, sides and subsets as the template has them."""

import functools

import pytest

from schemas.guards import GuardSide
from services.scorers.guards.asking import Conversation, GuardUnavailable
from services.scorers.guards.checkpoint import Checkpoint
from services.scorers.guards.families.llama_guard import LlamaGuard, parse_codes
from services.scorers.guards.hazards import Vocabulary, hazards_of
from tests.services.scorers.guards import templates
from tests.services.scorers.guards.tiny import (
    ANSWERED,
    BOMB,
    BREAD,
    CONVERSATIONS,
    LONGER,
    chance_when_written,
    chances,
    checkpoint,
    first_token,
    held,
    model_of,
    rendered,
    taught,
    tokenizer_with,
    written,
)

VERSIONS: list[tuple[Vocabulary, str, str]] = [
    ("llama-guard-1", "llama", templates.llama_guard(templates.CATEGORIES_1)),
    ("llama-guard-2", "llama", templates.llama_guard(templates.CATEGORIES_2)),
    ("llama-guard-3", "llama", templates.llama_guard_3()),
    ("llama-guard-3", "llama", templates.llama_guard_3(parts=True)),
    ("llama-guard-4", "llama4", templates.llama_guard_3(parts=True)),
]
LESSONS: list[tuple[Conversation, str]] = [
    (BREAD, "\n\nsafe<|eot_id|>"),
    (BOMB, "\n\nunsafe\nS9,S1<|eot_id|>"),
    (ANSWERED, "\n\nunsafe\nS2<|eot_id|>"),
    (LONGER, "\n\nunsafe\nS10<|eot_id|>"),
    (ANSWERED[:1], "\n\nsafe<|eot_id|>"),
]


@functools.cache
def guardian() -> Checkpoint:
    """A tiny Llama Guard 3 that has learnt its form."""
    tokenizer = tokenizer_with(templates.llama_guard_3())
    untaught = held(model_of("llama", len(tokenizer)), tokenizer)
    lessons = [(rendered(untaught, conversation), answer) for conversation, answer in LESSONS]
    return held(taught(untaught.model, tokenizer, lessons), tokenizer)


@pytest.mark.parametrize(("vocabulary", "kind", "template"), VERSIONS)
@pytest.mark.parametrize("side", ["prompt", "response"])
def test_the_score_is_the_probability_of_unsafe_where_generation_begins(
    vocabulary: Vocabulary, kind: str, template: str, side: GuardSide
) -> None:
    asked = checkpoint(template, kind)
    guard = LlamaGuard(asked, vocabulary=vocabulary, threshold=0.99)
    judged = [one for one in CONVERSATIONS if (one[-1].role == "user") == (side == "prompt")]

    verdicts = guard.judge(side, judged)

    blank = asked.render.tokenizer.decode(asked._blank(guard._form))
    for conversation, (verdict,) in zip(judged, verdicts, strict=True):
        first = first_token(asked, asked.render.prompt(guard._form, conversation), blank)
        assert verdict.probability == pytest.approx(chances(asked, first, "unsafe")[0], abs=2e-6)


def test_a_guard_that_knows_its_form_says_what_generation_says() -> None:
    asked = guardian()

    verdicts = LlamaGuard(asked, vocabulary="llama-guard-3", threshold=0.5).judge("prompt", CONVERSATIONS)

    for conversation, (verdict,) in zip(CONVERSATIONS, verdicts, strict=True):
        said = written(asked, rendered(asked, conversation))
        _, _, answer, *codes = said.split("\n")
        assert (answer == "unsafe") == (verdict.probability is not None and verdict.probability >= 0.5)
        assert verdict.categories == (hazards_of("llama-guard-3", codes[0].split(",")) if codes else ())
    assert verdicts[1][0].categories == ("indiscriminate-weapons", "violent-crimes")
    assert verdicts[0][0].categories == ()


def test_the_newlines_that_the_guard_has_learnt_to_write_come_first() -> None:
    asked = guardian()
    guard = LlamaGuard(asked, vocabulary="llama-guard-3", threshold=0.5)

    ((verdict,),) = guard.judge("prompt", [BOMB])

    assert asked.render.tokenizer.decode(asked._blank(guard._form)) == "\n\n"
    assert verdict.probability == pytest.approx(chance_when_written(asked, rendered(asked, BOMB), "unsafe"), abs=2e-6)
    assert (verdict.probability or 0) > 0.8


def test_codes_are_written_for_what_reaches_the_threshold_alone() -> None:
    asked = guardian()

    high = LlamaGuard(asked, vocabulary="llama-guard-3", threshold=0.9999).judge("prompt", [BOMB])

    assert high[0][0].categories == ()


def test_a_subset_is_what_the_template_leaves_out_itself() -> None:
    asked = checkpoint(templates.llama_guard_3(parts=True))
    kept = ("violent-crimes", "hate")
    guard = LlamaGuard(asked, vocabulary="llama-guard-3", threshold=0.5, categories=kept)

    prompt = asked.render.prompt(guard._form, BOMB)

    left_out = [code for code in templates.policy_3() if code not in ("S1", "S10")]
    messages = [{"role": "user", "content": [{"type": "text", "text": BOMB[0].text}]}]
    assert prompt == asked.render.tokenizer.apply_chat_template(
        messages, tokenize=False, add_generation_prompt=True, excluded_category_keys=left_out
    )


def test_what_explains_a_category_goes_and_stays_with_it() -> None:
    asked = checkpoint(templates.llama_guard(templates.CATEGORIES_1))
    guard = LlamaGuard(asked, vocabulary="llama-guard-1", threshold=0.5, categories=("sexual-content",))

    prompt = asked.render.prompt(guard._form, BOMB)

    assert "O2: Sexual Content.\nShould not\n- Engage in erotica.\n<END" in prompt
    assert "O1" not in prompt
    assert "plan crimes" not in prompt


def test_a_policy_of_the_users_is_listed_after_the_guards_and_named_as_she_names_it() -> None:
    asked = checkpoint(templates.llama_guard_3())
    guard = LlamaGuard(asked, vocabulary="llama-guard-3", threshold=0.0, policies={"no-poetry": "Must not rhyme."})

    prompt = asked.render.prompt(guard._form, BOMB)

    assert "S14: Code Interpreter Abuse.\nS15: no-poetry.\nMust not rhyme.\n<END" in prompt
    assert guard._hazards(["S15", "S1"]) == ("violent-crimes", "no-poetry")


def test_a_subset_of_a_template_without_categories_is_refused() -> None:
    with pytest.raises(GuardUnavailable, match="form: completions"):
        LlamaGuard(checkpoint(templates.LLAMA_31), vocabulary="llama-guard-3", threshold=0.5, categories=("hate",))


@pytest.mark.parametrize(
    ("line", "codes"),
    [("S1,S10", ("S1", "S10")), (" S9 , S2 ", ("S9", "S2")), ("", ()), ("O3", ("O3",)), ("Sx, 1, S", ())],
)
def test_codes_are_read_and_other_words_are_not(line: str, codes: tuple[str, ...]) -> None:
    assert parse_codes(line) == codes
