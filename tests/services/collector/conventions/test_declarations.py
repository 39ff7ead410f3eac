"""Spans tell which tools a call declared and which form it asked for, in each instrumentation's way."""

import json

import pytest

from services.collector.otlp.spans import Attribute
from tests.services.collector.conventions.spans import event, read

CHAT: dict[str, Attribute] = {"gen_ai.operation.name": "chat"}
CITY = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL = {"type": "function", "name": "look", "parameters": CITY}
NESTED = {"type": "function", "function": {"name": "look", "parameters": CITY}}
FORM = {"type": "json_schema", "json_schema": {"schema": CITY}}


@pytest.mark.parametrize(
    "attributes",
    [
        {"gen_ai.tool.definitions": json.dumps([TOOL])},
        {"llm.request.functions.0.name": "look", "llm.request.functions.0.parameters": json.dumps(CITY)},
        {"llm.tools.0.tool.json_schema": json.dumps(NESTED)},
        {"llm.invocation_parameters": json.dumps({"tools": [NESTED]})},
    ],
    ids=["OpenTelemetry", "OpenLLMetry", "OpenInference", "parameters"],
)
def test_tools_are_recorded_whoever_tells_them(attributes: dict[str, Attribute]) -> None:
    for told in read({**CHAT, **attributes}):
        assert [(tool.name, json.loads(tool.schema)) for tool in told.tools] == [("look", CITY)]
        assert told.declared_left_out == 0


@pytest.mark.parametrize(
    "attributes",
    [
        {"gen_ai.request.structured_output_schema": json.dumps(CITY)},
        {"llm.invocation_parameters": json.dumps({"response_format": FORM})},
    ],
    ids=["OpenLLMetry", "OpenInference"],
)
def test_the_form_of_the_answer_is_recorded(attributes: dict[str, Attribute]) -> None:
    _, answered = read({**CHAT, **attributes})
    assert json.loads(answered.response_schema) == CITY


def test_an_event_may_carry_the_tools() -> None:
    carrier = event("gen_ai.client.inference.operation.details", gen_ai__tool__definitions=json.dumps([TOOL]))
    assert [tool.name for tool in read(CHAT, carrier)[1].tools] == ["look"]


def test_tools_that_a_limit_cut_off_are_left_out_and_counted() -> None:
    _, answered = read({**CHAT, "gen_ai.tool.definitions": json.dumps([TOOL, TOOL])[:-9]})
    assert (answered.tools, answered.declared_left_out) == ((), 1)


def test_a_span_that_declares_nothing() -> None:
    _, answered = read(CHAT)
    assert (answered.tools, answered.response_schema, answered.declared_left_out) == ((), "", 0)
