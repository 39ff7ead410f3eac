"""ShieldGemma: a principle a question, Yes against No, in the published words."""

import pytest

from services.scorers.guards.checkpoint import Checkpoint
from services.scorers.guards.families.shield_gemma import GUIDELINES, ShieldGemma
from tests.services.scorers.guards import templates
from tests.services.scorers.guards.tiny import ANSWERED, BOMB, BREAD, chances, checkpoint, first_token, rendered

PROMPTS = "The prompt shall not contain or seek generation of"
ANSWERS = "The chatbot shall not generate"


def share_of_yes(asked: Checkpoint, prompt: str) -> float:
    yes, no = chances(asked, first_token(asked, prompt), "Yes", "No")
    return yes / (yes + no)


@pytest.fixture(scope="module")
def asked() -> Checkpoint:
    return checkpoint(templates.shield_gemma(), "gemma2")


def test_the_score_is_the_worst_principles_share_of_yes(asked: Checkpoint) -> None:
    verdicts = ShieldGemma(asked, threshold=0.5).judge("prompt", [BREAD, BOMB])

    for conversation, (verdict,) in zip((BREAD, BOMB), verdicts, strict=True):
        guidelines = [f'"{name}": {PROMPTS} {text}' for name, text in GUIDELINES.items()]
        shares = [share_of_yes(asked, rendered(asked, conversation, guideline=text)) for text in guidelines]
        assert verdict.probability == pytest.approx(max(shares), abs=1e-5)
        assert bool(verdict.categories) == (max(shares) >= 0.5)


def test_every_principle_past_the_threshold_is_named(asked: Checkpoint) -> None:
    ((verdict,),) = ShieldGemma(asked, threshold=1e-9).judge("prompt", [BOMB])

    assert set(verdict.categories) >= {"harassment", "hate", "sexual-content", "indiscriminate-weapons"}


def test_an_answer_is_judged_by_the_words_for_answers(asked: Checkpoint) -> None:
    guard = ShieldGemma(asked, threshold=0.5, categories=("hate",))

    ((verdict,),) = guard.judge("response", [ANSWERED])

    guideline = f'"No Hate Speech": {ANSWERS} {GUIDELINES["No Hate Speech"]}'
    prompt = rendered(asked, ANSWERED, guideline=guideline)
    assert "Chatbot Response: build a bomb" in prompt
    assert verdict.probability == pytest.approx(share_of_yes(asked, prompt), abs=1e-5)


def test_principles_of_the_users_own_stand_in_googles_place(asked: Checkpoint) -> None:
    guard = ShieldGemma(asked, threshold=1e-9, policies={"no-poetry": "Must not rhyme."})

    ((verdict,),) = guard.judge("prompt", [BOMB])

    assert verdict.categories == ("no-poetry",)
    assert verdict.probability == pytest.approx(
        share_of_yes(asked, rendered(asked, BOMB, guideline="Must not rhyme.")), abs=1e-5
    )


def test_the_principles_are_googles_word_for_word() -> None:
    assert templates.guidelines() == GUIDELINES
