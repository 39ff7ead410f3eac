"""Labels become what each dialect understands, and only where a request asks for no form itself."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.configuration import App
from services.gateway.wire.asked import Body, Form, asked_in, read_wire
from services.gateway.wire.constraints import Constraint, constraint_of
from services.gateway.wire.surfaces import CHAT

VLLM = App(
    name="guard", base_model="base", upstreams=("http://vllm:8000",), labels=("safe", "unsafe"), constrain="vllm"
)
CHAT_BODY: dict[str, Any] = {"model": "guard", "messages": [{"role": "user", "content": "hi"}]}
CHOICE = {"structured_outputs": {"choice": ["safe", "unsafe"]}}


def sent(body: bytes, form: Form = "as-sent") -> bytes:
    """Return what goes upstream."""
    wire = read_wire(body)
    assert wire is not None
    return asked_in(wire, Body.of(body, None, constraint_of(VLLM)), CHAT.messages).body_for("v1", form)


def with_labels(*labels: str, constrain: str = "vllm") -> App:
    """Return an app with other labels, as the file would make it."""
    tree = {"name": "guard", "base_model": "b", "upstreams": ["http://u:1"], "labels": labels, "constrain": constrain}
    return msgspec.convert(tree, App)


def test_vllm_is_told_its_choice_and_every_other_byte_stays() -> None:
    body = b'{ "model":"guard" ,\n "messages":[{"role":"user","content":"\\ud800"}],"x":1e0}'
    added = b'"structured_outputs":{"choice":["safe","unsafe"]},'
    assert sent(body) == body[:1] + added + body[1:].replace(b'"guard"', b'"v1"')


def test_llama_cpp_is_told_a_grammar_of_the_alternatives() -> None:
    constraint = constraint_of(with_labels('say "no"', "back\\slash", "two\nlines", "größer", constrain="llama.cpp"))
    assert constraint is not None
    assert constraint.name == "grammar"
    assert json.loads(constraint.value) == r'root ::= "say \"no\"" | "back\\slash" | "two\x0Alines" | "größer"'


def test_auto_knows_driftloops_own_model_server_and_guesses_at_no_other() -> None:
    own = App(name="guard", base_model="base", labels=("safe", "unsafe"))
    assert constraint_of(own) == Constraint("structured_outputs", b'{"choice":["safe","unsafe"]}')
    assert constraint_of(msgspec.structs.replace(own, constrain="none")) is None
    assert constraint_of(msgspec.structs.replace(VLLM, constrain="auto")) is None


@pytest.mark.parametrize("labels", [(), ("one",), ("same", "same"), ("safe", "")])
def test_labels_that_leave_nothing_to_choose_are_no_constraint(labels: tuple[str, ...]) -> None:
    assert constraint_of(with_labels(*labels)) is None


def test_a_label_that_stands_twice_is_told_once() -> None:
    constraint = constraint_of(with_labels("safe", "unsafe", "safe"))
    assert constraint is not None
    assert json.loads(constraint.value) == CHOICE["structured_outputs"]


@pytest.mark.parametrize(
    "own",
    [
        {"response_format": {"type": "text"}},
        {"tools": [{"type": "function"}]},
        {"functions": [{"name": "f"}]},
        {"guided_choice": ["a"]},
        {"guided_regex": "a+"},
        {"structured_outputs": {"regex": "a+"}},
        {"grammar": 'root ::= "a"'},
        {"json_schema": {"type": "object"}},
        {"continue_final_message": True},
    ],
    ids=lambda own: next(iter(own)),
)
def test_a_client_that_asks_for_a_form_gets_what_it_asks_for(own: dict[str, Any]) -> None:
    body = json.dumps(CHAT_BODY | own).encode()
    assert sent(body) == body.replace(b'"guard"', b'"v1"')


@pytest.mark.parametrize("name", ["tools", "response_format", "structured_outputs", "grammar"])
def test_a_form_of_null_is_none(name: str) -> None:
    asked = CHAT_BODY | {name: None}
    assert json.loads(sent(json.dumps(asked).encode())) == asked | CHOICE | {"model": "v1"}


NAMES = st.sampled_from(["stream", "stream_options", "user", "metadata", "seed", "structured_outputs", "x"])
VALUES = st.sampled_from([None, True, "ada", 1.5, {"include_usage": False}])


@given(
    st.dictionaries(NAMES, VALUES, max_size=5),
    st.sampled_from([None, 2]),
    st.sampled_from(["as-sent", "with-usage", "whole"]),
)
def test_beside_every_other_edit_the_body_stays_one_json_object(
    more: dict[str, Any], indent: int | None, form: Form
) -> None:
    got = json.loads(sent(json.dumps(more | CHAT_BODY, indent=indent).encode(), form))
    chosen = more.get("structured_outputs") or CHOICE["structured_outputs"]
    assert (got["structured_outputs"], got["messages"], got["model"]) == (chosen, CHAT_BODY["messages"], "v1")
    assert list(got).count("structured_outputs") == 1
