"""What LiteLLM's callback tells a real collector of calls of every kind."""

import json
from typing import Any

import pytest
from pydantic import BaseModel

from services.clients.litellm_callback import events_of
from tests.services.clients.litellm.conftest import ANSWER, KEYS, Told, logged


def test_a_call_arrives_with_who_asked_what_and_what_it_cost(told: Told) -> None:
    asked, answered = told(logged())
    assert (asked.app, asked.model, asked.request_id, asked.tenant) == (
        "prompt-guard",
        "gpt-4o-mini",
        "chatcmpl-1",
        "team-1",
    )
    assert (asked.session_id, asked.prompt, answered.answer, answered.finish_reason) == ("s-1", "Hello", "Hi", "stop")
    assert asked.user_id not in ("", "ada")
    assert asked.tags["team"] == "Guards"
    assert "88dc28d0f0" not in str((asked, answered))
    assert asked.tags["tags"] == "nightly,eu"
    sampling, usage = asked.sampling, answered.usage
    assert (sampling.temperature, sampling.max_tokens, sampling.seed, sampling.stream) == (1, 64, 7, False)
    assert (usage.input_tokens, usage.cached_tokens, usage.output_tokens, usage.reasoning_tokens) == (12, 4, 5, 3)
    assert (answered.cost_usd, answered.ttft_ms, answered.error_type) == (0.0003, None, "")
    assert answered.latency_ms == pytest.approx(1500, abs=2)


def test_a_streamed_call_has_its_time_to_the_first_token(told: Told) -> None:
    asked, answered = told(logged(stream=True))
    assert asked.sampling.stream
    assert answered.ttft_ms == pytest.approx(300, abs=2)


def test_tool_calls_and_their_results_are_told(told: Told) -> None:
    call = {"id": "c-1", "type": "function", "function": {"name": "weather", "arguments": '{"at": "x"}'}}
    asks = {"role": "assistant", "content": None, "tool_calls": [call]}
    result = {"role": "tool", "tool_call_id": "c-1", "content": "rain"}
    response = ANSWER | {"choices": [{"finish_reason": "tool_calls", "message": asks}]}
    asked, answered = told(logged(messages=[{"role": "user", "content": "?"}, asks, result], response=response))
    assert answered.output is not None
    for message in (asked.messages[1], answered.output):
        assert [(c.id, c.name, c.arguments) for c in message.tool_calls] == [("c-1", "weather", '{"at": "x"}')]
    assert (asked.messages[2].tool_call_id, asked.messages[2].text) == ("c-1", "rain")
    assert answered.finish_reason == "tool_calls"


PLACE = {"type": "object", "properties": {"city": {"type": "string"}}}
IN_JSON = '{"type":"object","properties":{"city":{"type":"string"}}}'


@pytest.mark.parametrize(
    "parameters",
    [
        {"tools": [{"type": "function", "function": {"name": "weather", "parameters": PLACE}}]},
        {"tools": [{"type": "function", "name": "weather", "parameters": PLACE}, {"type": "web_search"}]},
        {"tools": [{"name": "weather", "input_schema": PLACE}]},
        {"tools": [{"function_declarations": [{"name": "weather", "parameters": PLACE}]}]},
        {"functions": [{"name": "weather", "parameters": PLACE}]},
    ],
    ids=["chat", "responses", "anthropic", "google", "functions"],
)
def test_the_tools_that_a_call_declares_are_told(told: Told, parameters: dict[str, Any]) -> None:
    for record in told(logged(model_parameters=parameters)):
        assert [(tool.name, tool.schema) for tool in record.tools] == [("weather", IN_JSON)]
        assert record.declared_left_out == 0


@pytest.mark.parametrize(
    ("parameters", "schema"),
    [
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": PLACE}}}, IN_JSON),
        ({"text": {"format": {"type": "json_schema", "name": "n", "schema": PLACE}}}, IN_JSON),
        ({"response_format": {"type": "json_object"}}, '{"type":"object"}'),
        ({"response_format": {"type": "text"}}, ""),
        ({"response_format": BaseModel}, ""),
    ],
)
def test_the_form_that_a_call_asks_for_is_told(told: Told, parameters: dict[str, Any], schema: str) -> None:
    _, answered = told(logged(model_parameters=parameters))
    assert (answered.response_schema, answered.tools) == (schema, ())


def test_what_is_declared_past_the_collectors_bounds_is_left_out_and_counted(told: Told) -> None:
    large = PLACE | {"description": "x" * 16_000}
    tools = [{"function": {"name": f"f{number}", "parameters": large}} for number in range(130)]
    tools.insert(0, {"function": {"name": "vast", "parameters": PLACE | {"description": "ü" * 20_000}}})
    form = {"type": "json_schema", "json_schema": {"schema": PLACE | {"description": "x" * 20_000}}}
    asked, _ = told(logged(model_parameters={"tools": tools, "response_format": form}))
    assert [tool.name for tool in asked.tools] == ["vast", *(f"f{number}" for number in range(127))]
    assert [number for number, tool in enumerate(asked.tools) if tool.schema] == [1, 2, 3]
    assert asked.response_schema == ""
    assert asked.declared_left_out == 3 + 1 + 125


def test_an_answer_that_is_passed_back_in_as_an_object_is_read_as_its_fields(told: Told) -> None:
    class Call(BaseModel):
        id: str = "c-1"
        function: dict[str, str] = {"name": "f", "arguments": "{}"}

    class Answer(BaseModel):
        role: str = "assistant"
        content: str | None = None
        tool_calls: list[Call] = [Call()]

    asked, _ = told(logged(messages=[Answer(), {"role": "assistant", "tool_calls": [Call()]}]))
    assert [[(c.id, c.name) for c in message.tool_calls] for message in asked.messages] == [[("c-1", "f")]] * 2


def test_all_choices_and_the_reasoning_are_told(told: Told) -> None:
    choices = [{"message": {"content": text, "reasoning_content": f"Hm {text}."}} for text in ("a", "b")]
    _, answered = told(logged(response=ANSWER | {"choices": choices}))
    assert (answered.answer, answered.reasoning) == ("a", "Hm a.")
    assert [(choice.output.text, choice.reasoning) for choice in answered.choices] == [("b", "Hm b.")]


def test_the_items_of_the_responses_api_are_told(told: Told) -> None:
    output = [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi"}]},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
    ]
    usage = {"input_tokens": 9, "output_tokens": 2, "input_tokens_details": {"cached_tokens": 1}}
    items = [
        {"role": "user", "content": [{"type": "input_text", "text": "Hello"}]},
        {"type": "function_call_output", "call_id": "c", "output": "3"},
    ]
    asked, answered = told(logged(messages=items, response={"output": output, "status": "completed", "usage": usage}))
    assert [(message.role, message.text) for message in asked.messages] == [("user", "Hello"), ("tool", "3")]
    assert (answered.answer, answered.reasoning, answered.finish_reason) == ("Hi", "Hm.", "tool_calls")
    assert answered.output is not None
    assert answered.output.tool_calls[0].name == "f"
    assert (answered.usage.input_tokens, answered.usage.cached_tokens) == (9, 1)


def test_a_failed_call_is_told_without_the_keys_in_its_message(told: Told) -> None:
    said = "AuthenticationError: Incorrect API key provided: sk-abc123456789, not s3cr3t-of-azure"
    error = {"error_code": "401", "error_class": "AuthenticationError", "error_message": said}
    call = logged(status="failure", error_information=error, response=None) | {"api_key": "s3cr3t-of-azure"}
    _, answered = told(call)
    assert (answered.error_type, answered.upstream_error_type, answered.output) == ("401", "AuthenticationError", None)
    assert answered.error_message == "AuthenticationError: Incorrect API key provided: ***, not ***"


def test_metadata_names_app_version_and_trace(told: Told) -> None:
    headers = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    metadata = {"driftloop_app": "prompt-guard", "driftloop_adapter_version": "v7", "session_id": "s-2"}
    call = logged(model_group="else", metadata=KEYS | {"requester_metadata": metadata})
    call["litellm_params"]["proxy_server_request"] = {"headers": headers}
    asked, _ = told(call)
    assert (asked.app, asked.adapter_version, asked.session_id) == ("prompt-guard", "v7", "s-2")
    assert (asked.trace_id, asked.span_id) == ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")


@pytest.mark.parametrize(
    ("provider", "model", "name"),
    [
        ("openai", "gpt-4o", "gpt-4o"),
        ("openai", "openai/gpt-4o", "gpt-4o"),
        ("text-completion-openai", "openai/gpt-4o", "gpt-4o"),
        ("openrouter", "openrouter/meta/llama", "meta/llama"),
        ("hosted_vllm", "meta/llama", "meta/llama"),
        (None, None, ""),
    ],
)
def test_a_models_name_is_the_same_from_sdk_and_proxy(provider: str, model: str, name: str) -> None:
    asked, _ = events_of(logged(custom_llm_provider=provider, model=model), "")
    assert json.loads(asked)["data"]["model"] == name


def test_a_proxys_key_without_an_owner_makes_nobody_a_user(told: Told) -> None:
    nobody, _ = told(logged(end_user=None, metadata={"user_api_key_user_id": "default_user_id"}))
    owner, _ = told(logged(end_user=None, metadata={"user_api_key_user_id": "ada"}))
    assert (nobody.user_id, bool(owner.user_id)) == ("", True)


@pytest.mark.parametrize(
    ("odd", "texts"),
    [
        ({"messages": "Once"}, ["Once"]),
        ({"messages": ["Once", "Twice"]}, ["Once", "Twice"]),
        ({"messages": None, "response": "redacted-by-litellm"}, []),
        ({"messages": [{"role": "critic", "content": "half \ud83d"}]}, ["half \ufffd"]),
        ({"messages": [{"content": ["a", {"type": "text", "text": "b"}, {"type": "video_url"}]}]}, ["a\nb"]),
        ({"response": {"data": [{"embedding": [0.5]}]}, "response_cost": None}, ["Hello"]),
        ({"response": [], "model_parameters": {"max_tokens": 64.5, "temperature": "hot", "seed": None}}, ["Hello"]),
        ({"messages": [7, {"content": 8, "tool_calls": [9, "f"]}, {"tool_calls": "f"}]}, ["", "8", ""]),
        ({"response": {"choices": [3], "usage": [4]}, "error_information": 5, "request_tags": 6}, ["Hello"]),
        ({"model_parameters": {"seed": 2**70, "max_tokens": float("nan"), "top_p": float("inf")}}, ["Hello"]),
        ({"response_cost": float("nan"), "endTime": None, "completionStartTime": None, "stream": True}, ["Hello"]),
        ({"model_parameters": {"tools": [7, {"function": 8}, {"name": ""}], "functions": "f", "text": 9}}, ["Hello"]),
        ({"id": "r" * 300, "metadata": None, "request_tags": None, "end_user": 7}, ["Hello"]),
        ({"messages": [{"role": "user", "content": "x" * 2_000_000}]}, ["x" * 60_000]),
    ],
)  # fmt: skip
def test_odd_payloads_arrive(told: Told, odd: dict[str, Any], texts: list[str]) -> None:
    asked, answered = told(logged(**odd))
    assert [message.text for message in asked.messages] == texts
    assert answered.request_id == asked.request_id


def test_of_an_image_in_the_message_only_its_kind_is_told(told: Told) -> None:
    parts = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}, {"type": "text", "text": "?"}]
    asked, _ = told(logged(messages=[{"role": "user", "content": parts}]))
    assert "AAAA" not in str(asked)
    assert asked.prompt == "?"
