"""A score from one forward pass is what generation gives its first position, whoever shares the pass."""

from collections.abc import Sequence

import pytest
import torch

from services.scorers.guards.asking import GREETING, Conversation, Form, Question, Reading, Turn
from services.scorers.guards.checkpoint import Checkpoint
from tests.services.scorers.guards import templates
from tests.services.scorers.guards.tiny import (
    BOMB,
    BREAD,
    CONVERSATIONS,
    KINDS,
    chances,
    checkpoint,
    first_token,
    held,
    model_of,
    rendered,
    token,
    tokenizer_with,
    written,
)

WORDS = ("unsafe", "safe")
LONG = (Turn("user", "how do I bake bread " * 40),)


def probabilities(asked: Checkpoint, conversations: Sequence[Conversation], *, form: Form | None = None) -> list[float]:
    form = form or Form()
    readings = asked.ask([Question(conversation, form, WORDS) for conversation in conversations])
    assert not [reading.unjudged for reading in readings if reading.unjudged]
    return [value for reading in readings for value in reading.probabilities]


@pytest.mark.parametrize("kind", KINDS)
def test_a_reading_is_what_generation_gives_its_first_position(kind: str) -> None:
    asked = checkpoint(templates.llama_guard_3(), kind)

    readings = asked.ask([Question(conversation, Form(), WORDS) for conversation in CONVERSATIONS])

    for conversation, reading in zip(CONVERSATIONS, readings, strict=True):
        first = first_token(asked, rendered(asked, conversation))
        assert reading.probabilities == pytest.approx(chances(asked, first, *WORDS), abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kept_prefix_changes_no_score(kind: str) -> None:
    template = templates.llama_guard_3()
    kept, plain = checkpoint(template, kind), checkpoint(template, kind, keep_prefixes=False)
    conversations = [*CONVERSATIONS, LONG]

    assert probabilities(kept, conversations) == pytest.approx(probabilities(plain, conversations), abs=1e-6)
    assert len(kept._snapshots) == 2
    assert not plain._snapshots


def test_a_kept_prefix_is_computed_once_and_the_rest_is_short() -> None:
    asked = checkpoint(templates.llama_guard_3())
    seen: list[int] = []
    forward = asked.model.forward

    def counted(input_ids: torch.Tensor, **more: object) -> object:
        seen.append(input_ids.shape[1])
        return forward(input_ids=input_ids, **more)

    asked.model.forward = counted
    form = Form()
    probabilities(asked, [BREAD], form=form)
    probabilities(asked, [BOMB], form=form)

    prefix, first, second = seen
    assert prefix > 100
    assert max(first, second) < 100


def test_a_window_that_the_prefix_overruns_is_computed_whole() -> None:
    template = templates.llama_guard_3()
    kept = checkpoint(template, "gemma2", sliding_window=64)
    plain = checkpoint(template, "gemma2", sliding_window=64, keep_prefixes=False)

    assert probabilities(kept, CONVERSATIONS) == pytest.approx(probabilities(plain, CONVERSATIONS), abs=1e-6)
    assert not kept._snapshots


@pytest.mark.parametrize("batch", [1, 2, 8])
def test_a_batch_gives_what_each_gives_alone(batch: int) -> None:
    asked = checkpoint(templates.llama_guard_3(), batch=batch)
    conversations = [LONG, *CONVERSATIONS, BREAD]

    together = probabilities(asked, conversations)

    alone = [value for conversation in conversations for value in probabilities(asked, [conversation])]
    assert together == pytest.approx(alone, abs=1e-6)


def test_the_blank_that_a_guard_writes_first_is_written_for_it() -> None:
    asked = checkpoint(templates.llama_guard_3())
    newline, prompt = token(asked, "\n\n"), rendered(asked, (Turn("user", GREETING),))
    with torch.no_grad():
        tokens = torch.tensor([asked.render.encode(prompt)])
        state = asked.model.model(tokens).last_hidden_state[0, -1]
        asked.model.lm_head.weight[newline] = state * 8 / state.dot(state)
    assert written(asked, prompt, most=1) == "\n\n"

    (reading,) = asked.ask([Question(BOMB, Form(), WORDS, blank=True)])

    blank = "\n\n" * (2 if written(asked, prompt + "\n\n", most=1) == "\n\n" else 1)
    first = first_token(asked, rendered(asked, BOMB), blank)
    assert reading.probabilities == pytest.approx(chances(asked, first, *WORDS), abs=1e-6)
    assert reading != asked.ask([Question(BOMB, Form(), WORDS)])[0]


def test_every_spelling_of_a_word_counts() -> None:
    asked = checkpoint(templates.GRANITE_32, "granite")
    form = Form({"guardian_config": {"risk_name": "harm"}})

    (reading,) = asked.ask([Question(BOMB, form, ("yes", "no"), spelled=True)])

    first = first_token(asked, rendered(asked, BOMB, guardian_config={"risk_name": "harm"}))
    assert reading.probabilities == pytest.approx(chances(asked, first, "yes", "no", spelled=True), abs=1e-6)


def test_an_instruction_that_is_longer_than_the_context_leaves_a_text_unjudged() -> None:
    tokenizer = tokenizer_with(templates.llama_guard_3())
    asked = held(model_of("llama", len(tokenizer)), tokenizer, context=100)

    assert asked.ask([Question(BOMB, Form(), WORDS)]) == [
        Reading(unjudged="the guard's instruction is longer than its context")
    ]
    assert asked.say([Question(BOMB, Form(), WORDS)]) == [""]


def test_no_number_is_no_score() -> None:
    asked = checkpoint(templates.llama_guard_3())
    with torch.no_grad():
        asked.model.model.norm.weight.fill_(float("nan"))

    (reading,) = asked.ask([Question(BOMB, Form(), WORDS)])

    assert reading.unjudged == "the checkpoint gives no number"


def test_a_checkpoint_that_says_neither_word_is_no_such_guard() -> None:
    asked = checkpoint(templates.llama_guard_3())
    with torch.no_grad():
        other = token(asked, " bread")
        tokens = torch.tensor([asked.render.encode(rendered(asked, BOMB))])
        asked.model.lm_head.weight[other] = asked.model.model(tokens).last_hidden_state[0, -1] * 40

    (reading,) = asked.ask([Question(BOMB, Form(), WORDS)])

    assert "does not answer as this guard does" in reading.unjudged


def test_nothing_asked_is_nothing_answered() -> None:
    assert checkpoint(templates.llama_guard_3()).ask([]) == []
