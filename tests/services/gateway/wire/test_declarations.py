"""Tools and forms are found where they stand in a request's bytes; what can't be read costs itself alone."""

import json

from hypothesis import given
from hypothesis import strategies as st

from schemas.declared import NOTHING_DECLARED, Declared
from services.gateway.wire.asked import Asked, Body, asked_in, read_wire
from services.gateway.wire.declarations import declared_in
from services.gateway.wire.formats.members import members_of
from services.gateway.wire.surfaces import CHAT

CITY = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL = {"type": "function", "function": {"name": "look", "parameters": CITY}}
FORM = {"type": "json_schema", "json_schema": {"name": "c", "schema": CITY}}


def declared(data: bytes) -> Declared:
    return declared_in(data, members_of(data))


def asked(data: bytes) -> Asked:
    wire = read_wire(data)
    assert wire is not None
    return asked_in(wire, Body.of(data, None), CHAT.messages)


def test_tools_and_form_of_a_chat() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "tools": [TOOL], "response_format": FORM}
    found = asked(json.dumps(body).encode())
    assert [(tool.name, json.loads(tool.schema)) for tool in found.declared.tools] == [("look", CITY)]
    assert json.loads(found.declared.response_schema) == CITY
    assert found.doubts == 0


def test_a_chat_that_declares_nothing() -> None:
    assert declared(b'{"model":"m","messages":[]}') is NOTHING_DECLARED


def test_a_body_with_lone_surrogates_is_read_too() -> None:
    data = b'{"messages":[{"role":"user","content":"\\ud800"}],"tools":[{"name":"look"}]}'
    assert [tool.name for tool in declared(data).tools] == ["look"]


def test_tools_that_cannot_be_kept_are_counted_and_cost_nothing_else() -> None:
    assert declared(b'{"tools":[{"name":"\\ud800"}],"guided_json":{"type":"object"}}') == Declared(
        response_schema='{"type":"object"}', left_out=1
    )
    deep = b'{"tools":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert declared(deep).left_out == 1
    long = b'{"tools":["' + b"x" * 300_000 + b'"]}'
    assert declared(long) == Declared(left_out=1)


@given(st.binary(max_size=60))
def test_whatever_stands_there_nothing_raises(value: bytes) -> None:
    declared(b'{"tools":' + value + b',"text":' + value + b"}")
