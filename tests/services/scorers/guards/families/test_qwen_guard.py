"""Qwen3Guard-Gen: after "Safety: " one of three, strict or loose, and the categories that generation goes on with."""

import functools

import pytest

from services.scorers.guards.asking import Conversation
from services.scorers.guards.checkpoint import Checkpoint
from services.scorers.guards.families.qwen_guard import QwenGuard
from tests.services.scorers.guards import templates
from tests.services.scorers.guards.tiny import (
    ANSWERED,
    BOMB,
    BREAD,
    LONGER,
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

LESSONS: list[tuple[Conversation, str]] = [
    (BREAD, "Safety: Safe\nCategories: None<|im_end|>"),
    (ANSWERED[:1], "Safety: Safe\nCategories: None<|im_end|>"),
    (BOMB, "Safety: Unsafe\nCategories: Violent, Jailbreak<|im_end|>"),
    (ANSWERED, "Safety: Controversial\nCategories: PII<|im_end|>"),
]


@functools.cache
def guardian() -> Checkpoint:
    """A tiny Qwen3Guard that has learnt its form."""
    tokenizer = tokenizer_with(templates.QWEN_GUARD)
    untaught = held(model_of("qwen3", len(tokenizer)), tokenizer)
    lessons = [(rendered(untaught, conversation), answer) for conversation, answer in LESSONS]
    return held(taught(untaught.model, tokenizer, lessons), tokenizer)


@pytest.mark.parametrize("strict", [True, False])
def test_the_score_is_the_share_of_unsafe_where_safety_is_said(strict: bool) -> None:
    asked = checkpoint(templates.QWEN_GUARD, "qwen3")
    judged = [BREAD, BOMB, ANSWERED, LONGER]

    verdicts = QwenGuard(asked, threshold=0.99, strict=strict).judge("prompt", judged)

    for conversation, (verdict,) in zip(judged, verdicts, strict=True):
        # The space belongs to the word that follows, for every tokenizer that Qwen makes.
        first = first_token(asked, rendered(asked, conversation), "Safety:")
        unsafe, controversial, safe = chances(asked, first, "Unsafe", "Controversial", "Safe")
        bad = unsafe + controversial if strict else unsafe
        assert verdict.probability == pytest.approx(bad / (unsafe + controversial + safe), abs=1e-5)


def test_a_guard_that_knows_its_form_says_what_generation_says() -> None:
    asked = guardian()

    strict = QwenGuard(asked, threshold=0.5).judge("prompt", [BREAD, BOMB, ANSWERED])
    loose = QwenGuard(asked, threshold=0.5, strict=False).judge("prompt", [BREAD, BOMB, ANSWERED])

    assert written(asked, rendered(asked, BOMB)) == "Safety: Unsafe\nCategories: Violent, Jailbreak"
    assert [row[0].categories for row in strict] == [
        (),
        ("violent-crimes", "indiscriminate-weapons", "jailbreak"),
        ("privacy",),
    ]
    assert [(row[0].probability or 0) > 0.5 for row in strict] == [False, True, True]
    assert [(row[0].probability or 0) > 0.5 for row in loose] == [False, True, False]


def test_a_subset_of_categories_is_written_into_the_template() -> None:
    asked = checkpoint(templates.QWEN_GUARD, "qwen3")
    guard = QwenGuard(asked, threshold=0.5, categories=("privacy", "jailbreak"), policies={"rhymes": "Poetry."})

    prompt = asked.render.prompt(guard._form, BOMB)

    assert "CATEGORIES>\nPII.\nJailbreak.\nrhymes: Poetry.\n<END UNSAFE CONTENT CATEGORIES>" in prompt


def test_the_templates_empty_thought_comes_before_the_answer() -> None:
    asked = checkpoint(templates.QWEN_GUARD, "qwen3")

    assert asked.render.prompt(QwenGuard(asked, threshold=0.5)._form, BOMB).endswith("<think>\n\n</think>\n\n")
