"""What form a call asks for."""

import json
from typing import Any

import pytest

from services.model_server.wire.calls import parse_call
from services.model_server.wire.forms import Form
from services.models.tools import Tool
from services.parts.ingress.errors import Refusal

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}
ANY_OBJECT = {"type": "object"}
TOOLS = [
    {"type": "function", "function": {"name": "f", "description": "Finds", "parameters": SCHEMA}},
    {"type": "function", "function": {"name": "g", "parameters": SCHEMA}},
]
F, G = Tool("f", "Finds", SCHEMA), Tool("g", "", SCHEMA)


def form(**fields: Any) -> Form:
    messages = [{"role": "user", "content": "hello"}]
    return parse_call(json.dumps({"model": "m", "messages": messages, **fields}).encode()).form


@pytest.mark.parametrize(
    ("fields", "schema"),
    [
        ({"response_format": {"type": "json_object"}}, ANY_OBJECT),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}}, SCHEMA),
        ({"structured_outputs": {"json": SCHEMA}}, SCHEMA),
        ({"structured_outputs": {"json": json.dumps(SCHEMA)}}, SCHEMA),
        ({"structured_outputs": {"json_object": True}}, ANY_OBJECT),
    ],
)
def test_each_way_to_ask_for_json_is_understood(fields: dict[str, Any], schema: dict[str, Any]) -> None:
    assert form(**fields) == Form(schema=schema)
    assert not form(**fields).free


@pytest.mark.parametrize(
    "fields", [{}, {"response_format": {"type": "text"}}, {"structured_outputs": {"choice": ["a"]}}]
)
def test_a_call_without_a_form_is_free(fields: dict[str, Any]) -> None:
    assert form(**fields).free


def test_a_regular_expression_is_vllms() -> None:
    assert form(structured_outputs={"regex": "a+"}) == Form(regex="a+")


def test_tools_are_told_and_must_be_called_only_where_asked() -> None:
    assert form(tools=TOOLS) == Form(tools=(F, G))
    assert form(tools=TOOLS, tool_choice="none") == Form()
    assert form(tools=TOOLS, tool_choice="required").must_call == (F, G)
    named = {"type": "function", "function": {"name": "g"}}
    assert form(tools=TOOLS, tool_choice=named, parallel_tool_calls=False) == Form(
        must_call=(G,), tools=(F, G), several=False
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"response_format": {"type": "json_schema"}},
        {"structured_outputs": {"json": "soup"}},
        {"structured_outputs": {"json": SCHEMA, "regex": "a"}},
        {"tool_choice": "required"},
        {"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "h"}}},
        {"tools": TOOLS, "tool_choice": "required", "response_format": {"type": "json_object"}},
    ],
)
def test_a_form_that_cannot_be_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as refused:
        form(**fields)
    assert refused.value.status == 400
