"""How calls of tools are read out of what a model wrote."""

import pytest

from schemas.inference import Message, ToolCall
from services.models.conversations import spoken
from services.models.tools import Called, calls_in

CALL = Called("weather", '{"place": "Rome"}')
WRITTEN = '<tool_call>\n{"name": "weather", "arguments": {"place": "Rome"}}\n</tool_call>'


def test_what_is_learnt_is_read_again() -> None:
    calls = (CALL, Called("clock", "{}"))
    said = tuple(ToolCall(id="", name=call.name, arguments=call.arguments) for call in calls)
    assert calls_in(spoken(Message(role="assistant", tool_calls=said))) == ("", calls)
    assert calls_in(spoken(Message(role="assistant", content="Let me see.", tool_calls=said))) == ("Let me see.", calls)


@pytest.mark.parametrize(
    "text",
    [
        '<tool_call>{"name": "weather", "arguments": {"place": "Rome"}}</tool_call>',
        '<tool_call>[{"name": "weather", "arguments": {"place": "Rome"}}]</tool_call>',
        '<tool_call>\n[{"name": "weather", "arguments": {"place": "Rome"}}]\n</tool_call>',
        '<tool_call>\n{"name": "weather", "arguments": {"place": "Rome"}}',
    ],
)
def test_other_models_forms_are_read_as_well(text: str) -> None:
    assert calls_in(text) == ("", (CALL,))


def test_arrays_and_blocks_may_be_mixed() -> None:
    one = '{"name": "weather", "arguments": {"place": "Rome"}}'
    assert calls_in(f"<tool_call>[{one}, {one}]</tool_call>\n{WRITTEN}") == ("", (CALL,) * 3)


@pytest.mark.parametrize(
    "text",
    [
        "no call at all",
        "<tool_call>[]</tool_call>",
        "<tool_call>[{</tool_call>",
        '<tool_call>[{"name": "weather"}]</tool_call>',
        '<tool_call>[{"name": 3, "arguments": {}}]</tool_call>',
        WRITTEN + "<tool_call>soup</tool_call>",
    ],
)
def test_what_is_no_call_stays_text(text: str) -> None:
    assert calls_in(text) == (text, ())
