"""Prompt, answer and tool calls, from each form that instrumentations write."""

import json

import pytest

from schemas.inference import ContentPart, InferenceRequested, InferenceResponded, ToolCall
from services.collector.otlp.spans import Attribute, SpanEvent
from tests.services.collector.conventions.spans import event, read

LOOK = ToolCall(id="t", name="look", arguments='{"a":1}')
QUESTION, ANSWER = "is it safe?", "safe"
OPENAI_TOOLS = [{"id": "t", "type": "function", "function": {"name": "look", "arguments": '{"a":1}'}}]
FORMS: dict[str, tuple[dict[str, Attribute], tuple[SpanEvent, ...]]] = {
    "attributes in JSON": (
        {
            "gen_ai.system_instructions": '[{"type": "text", "content": "be brief"}]',
            "gen_ai.input.messages": '[{"role": "user", "parts": [{"type": "text", "content": "is it safe?"}]}]',
            "gen_ai.output.messages": (
                '[{"role": "assistant", "parts": [{"type": "text", "content": "safe"}, '
                '{"type": "reasoning", "content": "hm"}, '
                '{"type": "tool_call", "id": "t", "name": "look", "arguments": {"a": 1}}], "finish_reason": "stop"}]'
            ),
        },
        (),
    ),
    "attributes with structure": (
        {
            "gen_ai.input.messages": [
                {"role": "system", "parts": [{"type": "text", "content": "be brief"}]},
                {"role": "user", "parts": [{"type": "text", "content": "is it safe?"}]},
            ],
            "gen_ai.output.messages": {
                "role": "assistant",
                "finish_reason": "stop",
                "parts": [
                    {"type": "text", "content": "safe"},
                    {"type": "tool_call", "id": "t", "name": "look", "arguments": {"a": 1}},
                ],
            },
        },
        (),
    ),
    "OpenLLMetry": (
        {
            "gen_ai.prompt.0.role": "system",
            "gen_ai.prompt.0.content": "be brief",
            "gen_ai.prompt.1.role": "user",
            "gen_ai.prompt.1.content": '[{"type": "text", "text": "is it safe?"}]',
            "gen_ai.completion.0.role": "assistant",
            "gen_ai.completion.0.content": "safe",
            "gen_ai.completion.0.finish_reason": "stop",
            "gen_ai.completion.0.tool_calls.0.id": "t",
            "gen_ai.completion.0.tool_calls.0.name": "look",
            "gen_ai.completion.0.tool_calls.0.arguments": '{"a":1}',
        },
        (),
    ),
    "OpenInference in parts": (
        {
            "llm.input_messages.0.message.role": "system",
            "llm.input_messages.0.message.content": "be brief",
            "llm.input_messages.1.message.role": "user",
            "llm.input_messages.1.message.contents.0.message_content.type": "text",
            "llm.input_messages.1.message.contents.0.message_content.text": "is it safe?",
            "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.contents.0.message_content.type": "text",
            "llm.output_messages.0.message.contents.0.message_content.text": "safe",
            "llm.output_messages.0.message.tool_calls.0.tool_call.id": "t",
            "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "look",
            "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": '{"a":1}',
            "llm.finish_reason": "stop",
            "input.value": "not this",
        },
        (),
    ),
    "OpenInference as requests": (
        {
            "input.mime_type": "application/json",
            "input.value": json.dumps(
                {
                    "model": "m",
                    "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": QUESTION}],
                }
            ),
            "output.value": json.dumps(
                {"choices": [{"finish_reason": "stop", "message": {"content": ANSWER, "tool_calls": OPENAI_TOOLS}}]}
            ),
        },
        (),
    ),
    "an event for all": (
        {},
        (
            event(
                "gen_ai.client.inference.operation.details",
                gen_ai__system_instructions=[{"type": "text", "content": "be brief"}],
                gen_ai__input__messages=[{"role": "user", "parts": [{"type": "text", "content": QUESTION}]}],
                gen_ai__output__messages=[
                    {
                        "role": "assistant",
                        "finish_reason": "stop",
                        "parts": [
                            {"type": "text", "content": ANSWER},
                            {"type": "tool_call", "id": "t", "name": "look", "arguments": {"a": 1}},
                        ],
                    }
                ],
            ),
        ),
    ),
    "an event a message": (
        {},
        (
            event("gen_ai.system.message", content="be brief"),
            event("gen_ai.user.message", gen_ai__event__content=json.dumps({"content": QUESTION})),
            event(
                "gen_ai.choice",
                index=0,
                finish_reason="stop",
                message=json.dumps({"role": "assistant", "content": ANSWER, "tool_calls": OPENAI_TOOLS}),
            ),
        ),
    ),
    "events of prompt and completion": (
        {},
        (
            event(
                "gen_ai.content.prompt",
                gen_ai__prompt=json.dumps(
                    [{"role": "system", "content": "be brief"}, {"role": "user", "content": QUESTION}]
                ),
            ),
            event(
                "gen_ai.content.completion",
                gen_ai__completion=json.dumps(
                    [{"role": "assistant", "content": ANSWER, "tool_calls": OPENAI_TOOLS, "finish_reason": "stop"}]
                ),
            ),
        ),
    ),
}


def text_of(attributes: dict[str, Attribute], *events: SpanEvent) -> tuple[InferenceRequested, InferenceResponded]:
    return read({"gen_ai.operation.name": "chat", **attributes}, *events)


@pytest.mark.parametrize("form", FORMS)
def test_each_form_tells_prompt_answer_tool_call_and_finish_reason(form: str) -> None:
    attributes, events = FORMS[form]
    asked, answered = text_of(attributes, *events)
    assert [(message.role, message.text) for message in asked.messages] == [("system", "be brief"), ("user", QUESTION)]
    assert (answered.answer, answered.finish_reason) == (ANSWER, "stop")
    assert answered.output is not None
    assert answered.output.tool_calls == (LOOK,)
    assert "truncated" not in asked.tags


def test_a_tools_result_is_told_with_the_call_that_it_answers() -> None:
    forms: list[dict[str, Attribute]] = [
        {
            "gen_ai.input.messages": json.dumps(
                [{"role": "tool", "parts": [{"type": "tool_call_response", "id": "t", "response": "42"}]}]
            )
        },
        {"gen_ai.prompt.0.role": "tool", "gen_ai.prompt.0.content": "42", "gen_ai.prompt.0.tool_call_id": "t"},
        {
            "llm.input_messages.0.message.role": "tool",
            "llm.input_messages.0.message.content": "42",
            "llm.input_messages.0.message.tool_call_id": "t",
        },
    ]
    for form in forms:
        (message,) = text_of(form)[0].messages
        assert (message.role, message.text, message.tool_call_id) == ("tool", "42", "t")


def test_pictures_are_kept_as_references_beside_the_text() -> None:
    (message,) = text_of(
        {
            "llm.input_messages.0.message.role": "user",
            "llm.input_messages.0.message.contents.0.message_content.type": "text",
            "llm.input_messages.0.message.contents.0.message_content.text": "what is it?",
            "llm.input_messages.0.message.contents.1.message_content.type": "image",
            "llm.input_messages.0.message.contents.1.message_content.image.image.url": "https://pictures.example/1",
        }
    )[0].messages
    picture = ContentPart(type="image_url", reference="https://pictures.example/1")
    assert message.content == (ContentPart(type="text", text="what is it?"), picture)


def test_messages_are_in_the_order_of_their_numbers() -> None:
    attributes: dict[str, Attribute] = {f"gen_ai.prompt.{number}.content": str(number) for number in (10, 9, 2, 0)}
    assert [message.text for message in text_of(attributes)[0].messages] == ["0", "2", "9", "10"]


LONG = json.dumps(
    [
        {"role": "system", "parts": [{"type": "text", "content": "be brief"}]},
        {"role": "user", "parts": [{"type": "text", "content": "is it safe, or is it not?"}]},
    ]
)


def test_messages_cut_by_a_limit_on_attributes_are_kept_up_to_the_cut() -> None:
    asked, answered = text_of({"gen_ai.input.messages": LONG[: LONG.index(", or")], "gen_ai.usage.input_tokens": 9})
    assert (asked.prompt, asked.tags, answered.usage.input_tokens) == ("is it safe", {"truncated": "true"}, 9)


@pytest.mark.parametrize("length", range(1, len(LONG), 7))
def test_a_cut_costs_text_and_not_the_call(length: int) -> None:
    asked, _ = text_of({"gen_ai.input.messages": LONG[:length], "gen_ai.output.messages": LONG[:length]})
    assert asked.tags == {"truncated": "true"}


@pytest.mark.parametrize(
    "text", ["plain", "[INST] is it? [/INST]", "{curly", '{"query": 1}', "[1, 2]", "{}", "[]", '"']
)
def test_plain_text_is_the_prompt_whatever_it_looks_like(text: str) -> None:
    assert text_of({"input.value": text})[0].prompt == text
    assert text_of({"gen_ai.prompt": text})[0].prompt == text


def test_the_text_of_an_event_is_left_as_it_is() -> None:
    assert text_of({}, event("gen_ai.user.message", content="[INST] {x"))[0].prompt == "[INST] {x"


@pytest.mark.parametrize(
    "value",
    [
        "[null]",
        '[{"parts": null}]',
        '[{"parts": {}}]',
        '[{"parts": [null, 7, "x"]}]',
        '[{"role": 7}]',
        "[[]]",
        '[{"content": {"a": 1}}]',
        '[{"tool_calls": [null, {"function": 3}]}]',
        '[{"parts": [{"type": 7}]}]',
        '[{"parts": [{"type": "text"}]}]',
        "[1e999]",
    ],
)
def test_odd_messages_cost_themselves(value: str) -> None:
    asked, answered = text_of({"gen_ai.input.messages": value, "gen_ai.output.messages": value})
    assert asked.request_id == answered.request_id
