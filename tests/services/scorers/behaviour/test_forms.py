"""Answers are held against every form that was asked for; tool calls against the schemas of their tools."""

import json
import time

import pytest

from schemas.configuration import AnswerForm, App
from schemas.inference import Message, ToolCall, ToolDeclared
from services.scorers.behaviour.catalogue import forms_of
from services.scorers.behaviour.shape.forms import Form, format_scorer, tool_arguments
from services.scorers.contract import Score, Subject

CITY = '{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer"}},"required":["city"]}'
TOOLS = (ToolDeclared(name="look", schema=CITY), ToolDeclared(name="now"))


def judged(answer: str, form: Form = Form(), schema: str = "") -> Score:  # noqa: B008  # frozen
    return format_scorer({"bot": form}).score([Subject(answer=answer, app="bot", response_schema=schema)])[0][0]


def called(*calls: tuple[str, str], tools: tuple[ToolDeclared, ...] = TOOLS) -> Score:
    told = tuple(ToolCall(id="1", name=name, arguments=arguments) for name, arguments in calls)
    return tool_arguments().score([Subject(output=Message(role="assistant", tool_calls=told), tools=tools)])[0][0]


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ('{"city":"Ulm","days":2}', ()),
        (' {"city":"Ulm"}\n', ()),
        ('{"days":2}', ("schema",)),
        ('{"city":7}', ("schema",)),
        ('```json\n{"city":"Ulm"}\n```', ("fenced",)),
        ('{"city":"Ulm"', ("not-json",)),
        ("Ulm", ("not-json",)),
        ("", ("not-json",)),
        ("\ud800", ("not-json",)),
    ],
)
def test_an_answer_is_held_against_the_schema_that_the_call_asked_for(answer: str, fault: tuple[str, ...]) -> None:
    for score in (judged(answer, schema=CITY), judged(answer, Form(schema=CITY))):
        assert (score.value, score.label, score.categories) == (not fault, "invalid" if fault else "valid", fault)


def test_the_app_s_pattern_and_labels_hold_beside_the_schema() -> None:
    assert judged("PR-12", Form(pattern=r"PR-\d+")).label == "valid"
    assert judged("PR-12 is it", Form(pattern=r"PR-\d+")).categories == ("pattern",)
    assert judged(" safe\n", Form(labels=("safe", "unsafe"))).label == "valid"
    assert judged("It is safe", Form(labels=("safe", "unsafe"))).categories == ("label",)
    assert judged('{"city":"Ulm"}', Form(pattern="x"), schema=CITY).categories == ("pattern",)


def test_nothing_is_judged_where_nothing_was_asked_for_or_the_form_can_t_judge() -> None:
    assert judged("anything").unjudged == "no form was asked for"
    assert "RE2" in judged("a", Form(pattern="(?=a)")).unjudged
    assert "another document" in judged("1", schema='{"$ref":"https://example.org"}').unjudged
    assert "longer" in judged("x" * 300_000, schema="{}").unjudged
    alone = Subject(output=Message(role="assistant", tool_calls=(ToolCall(id="1", name="look"),)), response_schema=CITY)
    assert format_scorer({}).score([alone])[0][0].unjudged == "the answer is tool calls alone"


def test_an_app_s_form_is_read_from_its_configuration() -> None:
    app = App(
        name="bot", base_model="m", labels=("a",), answers=AnswerForm(schema={"type": "integer"}, pattern="[0-9]+")
    )
    assert forms_of([app]) == {"bot": Form(schema='{"type":"integer"}', pattern="[0-9]+", labels=("a",))}
    assert forms_of([App(name="x", base_model="m")]) == {"x": Form()}


@pytest.mark.parametrize(
    ("calls", "value", "faults"),
    [
        ([("look", '{"city":"Ulm"}')], 1.0, ()),
        ([("look", '{"city":"Ulm"}'), ("look", '{"days":1}')], 0.5, ("schema",)),
        ([("look", "city=Ulm")], 0.0, ("not-json",)),
        ([("look", '{"city":"\ud800"}')], 1.0, ()),
        ([("find", "{}")], 0.0, ("undeclared-tool",)),
        ([("now", ""), ("now", "{}")], 1.0, ()),
        ([("now", "7")], 0.0, ("schema",)),
    ],
)
def test_arguments_are_held_against_the_tool_s_schema(
    calls: list[tuple[str, str]], value: float, faults: tuple[str, ...]
) -> None:
    score = called(*calls)
    assert (score.value, score.categories) == (value, faults)
    assert score.label == ("invalid" if faults else "valid")


def test_arguments_are_not_judged_without_calls_or_tools() -> None:
    assert called().unjudged == "no tool was called"
    assert called(("look", "{}"), tools=()).unjudged == "no tools were declared"
    assert (
        "malformed"
        in called(("look", '{"a":1}'), tools=(ToolDeclared(name="look", schema='{"properties":["a"]}'),)).unjudged
    )


def test_a_hostile_schema_holds_nobody_up() -> None:
    defs = {f"d{number}": {"anyOf": [{"$ref": f"#/d/d{number + 1}"}] * 3} for number in range(30)}
    schema = json.dumps({"d": {**defs, "d30": False}, "$ref": "#/d/d0"})
    began = time.process_time()
    assert judged("1", schema=schema).unjudged == "the schema takes too long"
    assert time.process_time() - began < 1.0
