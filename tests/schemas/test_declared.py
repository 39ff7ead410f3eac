"""What a call declares is read in any dialect and bounded; what is left out is counted."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.declared import MOST_CHARACTERS, NOTHING_DECLARED, response_schema_of, together, tools_of
from schemas.inference import LONGEST_SCHEMA, MOST_TOOLS

CITY = {"type": "object", "properties": {"city": {"type": "string"}}}
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "function", "function": {"name": "look", "parameters": CITY, "strict": True}},
        {"type": "function", "name": "look", "parameters": CITY},
        {"name": "look", "parameters": CITY},
        {"name": "look", "description": "Looks.", "input_schema": CITY},
        {"name": "look", "inputSchema": CITY},
        {"name": "look", "parameters": json.dumps(CITY, separators=(",", ":"))},
    ],
    ids=["chat", "responses", "functions", "Anthropic", "MCP", "schema as text"],
)
def test_a_tool_is_read_in_every_dialect(tool: dict[str, object]) -> None:
    (read,) = tools_of([tool]).tools
    assert (read.name, json.loads(read.schema)) == ("look", CITY)


def test_a_tool_without_arguments_and_one_of_another_kind() -> None:
    declared = tools_of([{"type": "function", "function": {"name": "now"}}, {"type": "web_search"}])
    assert [(tool.name, tool.schema) for tool in declared.tools] == [("now", "")]
    assert declared.left_out == 0


def test_a_schema_that_is_too_large_is_left_out_whole_and_counted() -> None:
    large = {"name": "large", "parameters": {"description": "x" * LONGEST_SCHEMA}}
    declared = tools_of([large, {"name": "small", "parameters": CITY}])
    assert ([(tool.name, bool(tool.schema)) for tool in declared.tools], declared.left_out) == (
        [("large", False), ("small", True)],
        1,
    )
    many = tools_of([{"name": f"t{number}", "parameters": CITY} for number in range(MOST_TOOLS + 3)])
    assert (len(many.tools), many.left_out) == (MOST_TOOLS, 3)
    half = {"description": "x" * (LONGEST_SCHEMA // 2)}
    all_together = tools_of([{"name": f"t{number}", "parameters": half} for number in range(8)])
    assert all_together.left_out > 0
    assert sum(len(tool.schema) for tool in all_together.tools) <= MOST_CHARACTERS


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("response_format", {"type": "json_schema", "json_schema": {"name": "c", "schema": CITY, "strict": True}}),
        ("response_format", {"type": "json_object", "schema": CITY}),
        ("text", {"format": {"type": "json_schema", "name": "c", "schema": CITY}}),
        ("guided_json", CITY),
        ("guided_json", json.dumps(CITY)),
        ("json_schema", CITY),
        ("structured_outputs", {"json": CITY}),
    ],
)
def test_the_form_of_an_answer_is_read_in_every_dialect(name: str, value: object) -> None:
    assert json.loads(response_schema_of(name, value).response_schema) == CITY


def test_an_object_is_asked_for_without_saying_which() -> None:
    assert json.loads(response_schema_of("response_format", {"type": "json_object"}).response_schema) == {
        "type": "object"
    }


@pytest.mark.parametrize("value", [{"type": "text"}, None, "json", [], {"type": "json_schema"}])
def test_no_form_is_asked_for(value: object) -> None:
    assert response_schema_of("response_format", value) == NOTHING_DECLARED


def test_the_first_of_several_schemas_counts_and_all_that_is_missing() -> None:
    large = response_schema_of("guided_json", {"description": "x" * LONGEST_SCHEMA})
    small = response_schema_of("guided_json", CITY)
    assert together([large, small, tools_of([{"name": "look"}])]) == together(
        [tools_of([{"name": "look"}]), small, large]
    )
    assert together([large, small]).left_out == 1


@given(st.sampled_from(["response_format", "text", "guided_json", "structured_outputs", "json_schema"]), json_values)
def test_nothing_that_is_declared_raises(name: str, value: object) -> None:
    for declared in (tools_of(value), tools_of([value]), response_schema_of(name, value)):
        assert len(declared.response_schema) <= LONGEST_SCHEMA
        assert len(declared.tools) <= MOST_TOOLS
