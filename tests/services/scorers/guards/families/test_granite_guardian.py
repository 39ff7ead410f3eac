"""Granite Guardian: one risk a question by its own template, all spellings of yes against all of no."""

import pytest

from services.scorers.guards.checkpoint import Checkpoint
from services.scorers.guards.families.granite_guardian import RISKS, GraniteGuardian
from tests.services.scorers.guards import templates
from tests.services.scorers.guards.tiny import ANSWERED, BOMB, BREAD, chances, checkpoint, first_token, rendered


def share_of_yes(asked: Checkpoint, prompt: str, then: str = "") -> float:
    yes, no = chances(asked, first_token(asked, prompt, then), "yes", "no", spelled=True)
    return yes / (yes + no)


@pytest.fixture(scope="module")
def older() -> Checkpoint:
    return checkpoint(templates.GRANITE_32, "granite")


@pytest.fixture(scope="module")
def newer() -> Checkpoint:
    return checkpoint(templates.GRANITE_33, "granite")


def risk(asked: Checkpoint, conversation: object, name: str) -> float:
    return share_of_yes(asked, rendered(asked, conversation, guardian_config={"risk_name": name}))  # type: ignore[arg-type]  # turns


def test_the_score_is_the_share_of_yes_to_harm(older: Checkpoint) -> None:
    verdicts = GraniteGuardian(older, threshold=0.99).judge("prompt", [BREAD, BOMB])

    assert [verdict.probability for (verdict,) in verdicts] == pytest.approx(
        [risk(older, BREAD, "harm"), risk(older, BOMB, "harm")], abs=1e-5
    )
    assert "universally harmful" in rendered(older, BOMB, guardian_config={"risk_name": "harm"})


def test_single_risks_are_asked_about_where_there_is_harm(older: Checkpoint) -> None:
    threshold = 0.02
    ((verdict,),) = GraniteGuardian(older, threshold=threshold).judge("response", [ANSWERED])

    named = [name for name in RISKS["response"] if risk(older, ANSWERED, name) >= threshold]
    assert named
    assert len(verdict.categories) >= len(named)
    assert verdict.probability == pytest.approx(risk(older, ANSWERED, "harm"), abs=1e-5)


def test_chosen_hazards_are_each_asked_about_in_harms_place(older: Checkpoint) -> None:
    guard = GraniteGuardian(older, threshold=0.5, categories=("profanity", "hate"))

    ((verdict,),) = guard.judge("prompt", [BOMB])

    assert verdict.probability == pytest.approx(
        max(risk(older, BOMB, "profanity"), risk(older, BOMB, "social_bias")), abs=1e-5
    )


def test_a_risk_of_the_users_own_brings_its_definition(older: Checkpoint) -> None:
    guard = GraniteGuardian(older, threshold=1e-9, policies={"no-poetry": "The last message rhymes."})

    ((verdict,),) = guard.judge("prompt", [BOMB])

    config = {"risk_name": "no-poetry", "risk_definition": "The last message rhymes."}
    prompt = rendered(older, BOMB, guardian_config=config)
    assert "message rhymes." in prompt
    assert verdict.probability == pytest.approx(share_of_yes(older, prompt), abs=1e-5)
    assert verdict.categories == ("no-poetry",)


def test_from_3_3_on_the_criteria_are_named_otherwise_and_the_answer_stands_in_a_tag(newer: Checkpoint) -> None:
    ((verdict,),) = GraniteGuardian(newer, threshold=0.99).judge("prompt", [BOMB])

    prompt = rendered(newer, BOMB, guardian_config={"criteria_id": "harm"}, think=False)
    assert prompt.endswith("### Criteria: harm<|end_of_text|>\n<|start_of_role|>judge{no_think}<|end_of_role|>")
    assert verdict.probability == pytest.approx(share_of_yes(newer, prompt, "<score>"), abs=1e-5)


def test_from_3_3_on_a_risk_of_the_users_own_is_a_criterion(newer: Checkpoint) -> None:
    guard = GraniteGuardian(newer, threshold=0.99, policies={"no-poetry": "The text rhymes."})

    ((verdict,),) = guard.judge("prompt", [BOMB])

    prompt = rendered(newer, BOMB, guardian_config={"custom_criteria": "The text rhymes."}, think=False)
    assert verdict.probability == pytest.approx(share_of_yes(newer, prompt, "<score>"), abs=1e-5)
