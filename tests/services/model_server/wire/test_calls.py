"""What a chat completion call may look like."""

import json
from typing import Any

import pytest

from schemas.inference import Message, ToolCall
from services.model_server.jobs import MAX_TOKENS, Sampling
from services.model_server.wire.calls import ChatCall, CompletionCall, check_length, parse_call, parse_completion
from services.parts.ingress.errors import Refusal

MESSAGES = [{"role": "user", "content": "hello"}]


def call(**fields: Any) -> ChatCall:
    return parse_call(json.dumps({"model": "m", "messages": MESSAGES, **fields}).encode())


def test_both_of_vllms_ways_to_ask_for_a_choice_are_understood() -> None:
    assert call(guided_choice=["a", "b"]).choices == ("a", "b")
    assert call(structured_outputs={"choice": ["a", "b"]}).choices == ("a", "b")
    assert call().choices == ()


def test_content_parts_become_text() -> None:
    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    messages = [{"role": "developer", "content": "be kind"}, {"role": "user", "content": parts}]
    assert call(messages=messages).conversation == (
        Message(role="developer", content="be kind"),
        Message(role="user", content="one\ntwo"),
    )


def test_sampling_has_openais_defaults_within_the_context() -> None:
    assert call().sampling(10_000) == Sampling(max_tokens=MAX_TOKENS)
    assert call().sampling(7).max_tokens == 7
    assert call(stop="x", temperature=0, seed=3, max_completion_tokens=5).sampling(7) == Sampling(
        5, 0.0, 1.0, 3, ("x",)
    )


def test_unknown_fields_are_ignored() -> None:
    assert call(metadata={"a": "b"}, user="u").model == "m"


@pytest.mark.parametrize(
    "fields",
    [
        {"messages": []},
        {"messages": "secret"},
        {"messages": [{"role": "user", "content": 3}]},
        {"messages": [{"role": "wizard", "content": "secret"}]},
        {"max_tokens": 0},
        {"temperature": -1},
        {"top_p": 0},
        {"n": 17},
        {"top_logprobs": 21},
        {"presence_penalty": 3},
        {"response_format": {"type": "soup"}},
        {"structured_outputs": {"grammar": "root"}},
        {"tool_choice": "perhaps"},
        {"tools": [{"type": "function"}]},
        {"stream": "yes"},
    ],
)
def test_a_wrong_field_is_named_and_no_message_is_repeated(fields: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as refused:
        call(**fields)
    assert refused.value.status == 400
    assert next(iter(fields)) in refused.value.message
    assert "secret" not in refused.value.message


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(Refusal, match=r"JSON|object"):
        parse_call(body)


def test_a_call_longer_than_the_context_is_refused_in_vllms_words() -> None:
    check_length(90, 10, 100)
    with pytest.raises(Refusal, match="maximum context length is 100 tokens") as refused:
        check_length(91, 10, 100)
    assert refused.value.code == "context_length_exceeded"


def completion(**fields: Any) -> CompletionCall:
    return parse_completion(json.dumps({"model": "m", **fields}).encode())


def test_a_prompt_is_a_text_or_tokens_or_several_texts() -> None:
    assert completion(prompt="soup").prompts == ("soup",)
    assert completion(prompt=["soup", "river"]).prompts == ("soup", "river")
    assert completion(prompt=[3, 4]).prompts == ((3, 4),)
    assert completion(prompt="soup", logprobs=2).sampling() == Sampling(max_tokens=16, alternatives=2)


@pytest.mark.parametrize("fields", [{"prompt": []}, {"prompt": ["a", 3]}, {"prompt": ["a"] * 9, "n": 2}])
def test_what_is_no_prompt_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(Refusal, match="prompt"):
        _ = completion(**fields).prompts


@pytest.mark.parametrize("fields", [{"echo": True}, {"suffix": "x"}, {"best_of": 2}])
def test_what_would_change_an_answer_and_is_not_done_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(Refusal, match=next(iter(fields))):
        completion(prompt="soup", **fields)


def test_penalties_and_likelihoods_are_sampling() -> None:
    asked = call(frequency_penalty=0.5, presence_penalty=-1, logprobs=True, top_logprobs=3).sampling(100)
    assert (asked.frequency, asked.presence, asked.alternatives) == (0.5, -1, 3)
    assert call(logprobs=True).sampling(100).alternatives == 0
    assert call(top_logprobs=3).sampling(100).alternatives is None


def test_calls_of_earlier_turns_and_their_answers_are_kept() -> None:
    called = {"id": "x", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    answer = {"role": "tool", "content": "sunny", "tool_call_id": "x"}
    messages = [*MESSAGES, {"role": "assistant", "content": None, "tool_calls": [called]}, answer]
    assert call(messages=messages).conversation[1:] == (
        Message(role="assistant", tool_calls=(ToolCall(id="x", name="f", arguments="{}"),)),
        Message(role="tool", content="sunny", tool_call_id="x"),
    )
