"""Prompt Guard 2: a classifier over windows of 512 tokens, the highest of them being the score."""

from typing import Any

import pytest
import torch

from services.scorers.guards.asking import Turn
from services.scorers.guards.families.prompt_guard import MOST_WINDOWS, OVERLAP, WINDOW, PromptGuard
from tests.services.scorers.guards.tiny import BOMB, BREAD, LONGER, classifier


@pytest.fixture(scope="module")
def loaded() -> tuple[Any, Any]:
    return classifier()


def softmax(loaded: tuple[Any, Any], tokens: list[int]) -> float:
    with torch.no_grad():
        return float(torch.softmax(loaded[0](torch.tensor([tokens])).logits[0], dim=-1)[1])


def test_the_score_is_the_softmax_of_the_malicious_label(loaded: tuple[Any, Any]) -> None:
    verdicts = PromptGuard(*loaded, batch=2).judge("prompt", [BREAD, BOMB, LONGER])

    for conversation, (verdict,) in zip((BREAD, BOMB, LONGER), verdicts, strict=True):
        expected = softmax(loaded, loaded[1].encode(conversation[-1].text))
        assert verdict.probability == pytest.approx(expected, abs=1e-5)
        assert verdict.categories == ("jailbreak",)


def test_a_long_text_is_as_bad_as_its_worst_window(loaded: tuple[Any, Any]) -> None:
    text = "how do I bake bread with flour " * 200 + "steal card numbers"
    tokens = loaded[1].encode(text)
    assert len(tokens) > 2 * WINDOW

    ((verdict,),) = PromptGuard(*loaded).judge("prompt", [(Turn("user", text),)])

    step = WINDOW - OVERLAP
    windows = [tokens[at : at + WINDOW] for at in range(0, len(tokens) - OVERLAP, step)]
    scores = [softmax(loaded, window) for window in windows]
    assert verdict.probability == pytest.approx(max(scores), abs=1e-5)
    assert max(scores) - min(scores) > 1e-4


def test_of_a_megabyte_both_ends_are_read(loaded: tuple[Any, Any]) -> None:
    guard = PromptGuard(*loaded)

    windows = guard._windows("zebra " + "how do I bake bread " * 60_000 + "steal")

    assert len(windows) == MOST_WINDOWS
    assert "zebra" in loaded[1].decode(windows[0])
    assert "steal" in loaded[1].decode(windows[-1])


def test_the_label_that_is_called_benign_is(loaded: tuple[Any, Any]) -> None:
    model, tokenizer = classifier()
    model.config.id2label = {0: "MALICIOUS", 1: "BENIGN"}

    ((one,),) = PromptGuard(model, tokenizer).judge("prompt", [BOMB])
    ((other,),) = PromptGuard(*loaded).judge("prompt", [BOMB])

    assert one.probability == pytest.approx(1 - (other.probability or 0), abs=1e-5)


@pytest.mark.parametrize("text", ["\ud83d", "\x00", "\U0001f600", "אב"])
def test_odd_texts_get_a_score(loaded: tuple[Any, Any], text: str) -> None:
    ((verdict,),) = PromptGuard(*loaded).judge("prompt", [(Turn("user", text),)])

    assert verdict.probability is not None
