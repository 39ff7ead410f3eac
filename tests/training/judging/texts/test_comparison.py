"""Two real adapters on a real, tiny model write, and are compared as the gate asks."""

import os

import msgspec
import numpy as np
import pytest
import torch

from schemas.inference import Message
from schemas.training_policy import Training
from services.models.tools import calls_in
from tests.fixtures.tiny_model import all_texts, make_tiny_adapter, make_tiny_model, messages_of, synthetic_prompts
from training.data.dataset import Example
from training.judging.texts.comparison import Compared, Terms, compare, metric_of
from training.judging.texts.generation import Question, Writers, message_of
from training.judging.texts.pairwise import EmbeddedComparer

pytestmark = [pytest.mark.model, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    torch.set_num_threads(1)
    os.environ["OMP_NUM_THREADS"] = "1"


@pytest.fixture(scope="module")
def writers(tmp_path_factory: pytest.TempPathFactory) -> Writers:
    base = make_tiny_model(tmp_path_factory.mktemp("base"), all_texts(), 1)
    candidate = make_tiny_adapter(base, tmp_path_factory.mktemp("candidate"), seed=1)
    incumbent = make_tiny_adapter(base, tmp_path_factory.mktemp("incumbent"), seed=2)
    return Writers(base, candidate, incumbent)


def _chat(text: str) -> tuple[Message, ...]:
    return tuple(Message(role=m["role"], content=m["content"]) for m in messages_of(text))  # type: ignore[arg-type]  # roles of the fixture


def _examples(writers: Writers, count: int = 24) -> list[Example]:
    """Return prompts whose right answers are what the candidate writes."""
    prompts = synthetic_prompts("benign", count, 3)
    right = writers.write([Question(_chat(prompt)) for prompt in prompts], most_tokens=12)["candidate"].answers
    return [
        Example(
            request_id=str(at), messages=_chat(prompt), prompt=prompt, label="", slice="", recent=True,
            split="holdout", kind="target", answer=answer,
        )
        for at, (prompt, answer) in enumerate(zip(prompts, right, strict=True))
    ]  # fmt: skip


def _compared(writers: Writers, metric: str = "chrf") -> Compared:
    terms = Terms(metric=metric, most_tokens=12, harmful=synthetic_prompts("harmful", 5, 1), harmless=["hello"])
    return compare(writers, _examples(writers), terms, EmbeddedComparer(writers.base, writers.tokenizer, "Better."))


def test_answers_do_not_depend_on_who_shares_their_batch(writers: Writers) -> None:
    questions = [Question(_chat(prompt)) for prompt in synthetic_prompts("benign", 20, 4)]
    together = writers.write(questions, most_tokens=8)
    alone = [writers.write([question], most_tokens=8) for question in questions]
    for who in ("candidate", "incumbent"):
        assert together[who].answers == tuple(one[who].answers[0] for one in alone)
    assert together["candidate"].answers != together["incumbent"].answers


def test_the_candidate_that_writes_what_people_wanted_is_worth_more(writers: Writers) -> None:
    compared = _compared(writers)
    assert compared.worth["candidate"].tolist() == pytest.approx([1.0] * 24)
    assert float(compared.worth["incumbent"].mean()) < 0.9
    assert compared.figures["candidate/perplexity"] < compared.figures["incumbent/perplexity"]
    assert len(compared.judged) == 24
    assert {"candidate/rouge_l", "incumbent/embedding_similarity"} <= set(compared.figures)


def test_effort_and_conduct_are_of_the_same_prompts(writers: Writers) -> None:
    compared = _compared(writers)
    assert compared.conduct.answered.candidate.shape == (5,)
    assert compared.conduct.refused.incumbent.shape == (1,)
    assert compared.conduct.tokens.candidate.shape == (24,)
    assert compared.effort["candidate"].tokens_per_second > 0
    assert compared.effort["candidate"].peak_megabytes > 10


def test_win_rates_of_both_sum_to_one(writers: Writers) -> None:
    compared = _compared(writers, "win_rate")
    assert np.allclose(compared.worth["candidate"] + compared.worth["incumbent"], 1.0)


def test_who_gives_again_what_was_unwanted_is_worth_nothing_there_and_no_mean_of_a_metric_counts_it(
    writers: Writers,
) -> None:
    example, other = _examples(writers, 2)
    unwanted = msgspec.structs.replace(other, kind="unwanted")
    compared = compare(
        writers,
        [example, unwanted],
        Terms(metric="chrf", most_tokens=12),
        EmbeddedComparer(writers.base, writers.tokenizer, "Better."),
    )
    assert [row.said for row in compared.judged] == ["", "unwanted"]
    assert compared.worth["candidate"].tolist() == pytest.approx([1.0, 0.0])
    assert compared.worth["incumbent"][1] == 1.0
    assert compared.figures["candidate/chrf"] == pytest.approx(1.0)
    assert (compared.figures["candidate/avoided"], compared.figures["incumbent/avoided"]) == (0.0, 1.0)


def test_a_prompt_of_which_no_answer_is_known_is_left_out(writers: Writers) -> None:
    example = _examples(writers, 1)[0]
    nothing = msgspec.structs.replace(example, answer=None)
    terms = Terms(metric="chrf", most_tokens=4)
    compared = compare(writers, [example, nothing], terms, EmbeddedComparer(writers.base, writers.tokenizer, "Better."))
    assert compared.examples == (example,)


def test_a_prompt_that_leaves_no_room_gets_an_empty_answer(writers: Writers) -> None:
    long = Question((Message(role="user", content="garden " * 400),))
    assert writers.write([long], most_tokens=8)["candidate"].answers[0].text == ""


def test_calls_are_read_out_of_what_is_written() -> None:
    message = message_of('Let me see. <tool_call>\n{"name": "find", "arguments": {"a": {"b": 1}}}\n</tool_call>')
    assert (message.text, message.tool_calls[0].name) == ("Let me see.", "find")
    assert message.tool_calls[0].arguments == '{"a": {"b": 1}}'
    assert message_of("<tool_call>{oops}</tool_call>").tool_calls == ()


def test_the_gate_reads_the_calls_that_the_model_server_reads() -> None:
    for text in (
        '<tool_call>[{"name": "find", "arguments": {}}]</tool_call>',
        '<tool_call>{"name": "find"}</tool_call>',
    ):
        found = [(call.name, call.arguments) for call in message_of(text).tool_calls]
        assert found == [(call.name, call.arguments) for call in calls_in(text)[1]]


def test_the_metric_is_the_tasks_unless_the_policy_names_one() -> None:
    assert metric_of("extract", Training(app="a").metric) == "field_f1"
    assert metric_of("extract", "exact_match") == "exact_match"
