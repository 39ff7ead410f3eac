"""How tools are told and called."""

import json
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from services.models.tools import Called, Tool, Turn, calls_in, spelled_out, tool_prompt_ids, written

WEATHER = Tool("weather", "Tells the weather", {"type": "object"})
CALL = Called("weather", '{"place": "Rome"}')


def test_what_is_written_is_read_again() -> None:
    calls = (CALL, Called("clock", "{}"))
    assert written(calls[1:]) == '<tool_call>[{"name": "clock", "arguments": {}}]</tool_call>'
    assert calls_in(written(calls)) == ("", calls)


@pytest.mark.parametrize(
    "text",
    [
        '<tool_call>{"name": "weather", "arguments": {"place": "Rome"}}</tool_call>',
        '<tool_call>\n[{"name": "weather", "arguments": {"place": "Rome"}}]\n</tool_call>',
        '<tool_call>[{"name": "weather", "arguments": {"place": "Rome"}}]',
    ],
)
def test_other_models_forms_are_read_as_well(text: str) -> None:
    assert calls_in(text) == ("", (CALL,))


def test_words_beside_calls_stay() -> None:
    assert calls_in(f"Let me see. {written([CALL])}") == ("Let me see.", (CALL,))


@pytest.mark.parametrize(
    "text",
    [
        "no call at all",
        "<tool_call>[]</tool_call>",
        "<tool_call>[{</tool_call>",
        '<tool_call>[{"name": "weather"}]</tool_call>',
        '<tool_call>[{"name": 3, "arguments": {}}]</tool_call>',
        written([CALL]) + "<tool_call>soup</tool_call>",
    ],
)
def test_what_is_no_call_stays_text(text: str) -> None:
    assert calls_in(text) == (text, ())


def test_a_template_without_tools_is_told_of_them_by_the_system_message() -> None:
    turns = [
        Turn("system", "Be kind."),
        Turn("user", "Weather?"),
        Turn("assistant", "", (CALL,)),
        Turn("tool", "sunny"),
    ]
    messages = spelled_out(turns, [WEATHER])
    assert messages[0]["content"].endswith("\n\nBe kind.")
    tools = messages[0]["content"].split("<tools>")[1].split("</tools>")[0]
    assert json.loads(tools) == [
        {"name": "weather", "description": "Tells the weather", "parameters": {"type": "object"}}
    ]
    assert messages[2] == {"role": "assistant", "content": written([CALL])}
    assert messages[3] == {"role": "user", "content": "<tool_response>\nsunny\n</tool_response>"}
    assert spelled_out([Turn("user", "x")], [WEATHER])[0]["role"] == "system"
    assert spelled_out([Turn("user", "x")], []) == [{"role": "user", "content": "x"}]


def test_a_template_that_knows_tools_is_given_them(tiny_writer: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny_writer)
    tokenizer.chat_template = (
        "{{ tools[0].function.name }}{% for m in messages %}|{{ m.content }}"
        "{% for c in m.tool_calls %}{{ c.function.arguments.place }}{% endfor %}{% endfor %}"
    )
    turns = [Turn("user", "Weather?"), Turn("assistant", "", (CALL,)), Turn("tool", "sunny")]
    assert tokenizer.decode(tool_prompt_ids(tokenizer, turns, [WEATHER])) == "weather|Weather?|Rome|sunny"
