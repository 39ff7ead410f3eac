"""Measures of written answers: what counts as the same, and what for how much."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.inference import Message, ToolCall
from services.scorers.embedding import Embedder
from training.judging.texts.metrics import (
    MEASURES,
    avoided,
    chrf,
    exact_match,
    field_f1,
    json_validity,
    rouge_l,
    schema_validity,
    similarities,
    tool_call_accuracy,
)


def said(text: str = "", *calls: tuple[str, str]) -> Message:
    made = tuple(ToolCall(id=str(at), name=name, arguments=arguments) for at, (name, arguments) in enumerate(calls))
    return Message(role="assistant", content=text, tool_calls=made)


def test_the_same_json_in_another_spelling_is_the_same() -> None:
    assert exact_match(said('{"a": 1, "b": [2]}'), said('{"b":[2],"a":1.0}')) == 1
    assert exact_match(said('{"a": [1, 2]}'), said('{"a": [2, 1]}')) == 0
    assert exact_match(said('{"a": true}'), said('{"a": 1}')) == 0
    assert exact_match(said("two  words"), said("two words\n")) == 1


@pytest.mark.parametrize(
    ("answer", "worth"),
    [
        ('{"kind": "bug", "where": {"file": "a", "line": 3}}', 1.0),
        ('{"where": {"line": 3, "file": "a"}, "kind": "bug"}', 1.0),
        ('{"kind": "bug", "where": {"file": "b", "line": 3}}', 2 / 3),
        ('{"kind": "bug"}', 0.5),
        ('{"kind": "bug", "line": 3}', 0.4),
        ("the kind is bug", 0.0),
        ("{}", 0.0),
        ("", 0.0),
    ],
)
def test_fields_count_by_path_and_value(answer: str, worth: float) -> None:
    wanted = said('{"kind": "bug", "where": {"file": "a", "line": 3}}')
    assert field_f1(wanted, said(answer)) == pytest.approx(worth)


def test_items_of_a_list_count_each_in_any_order() -> None:
    assert field_f1(said('{"tags": ["a", "b"]}'), said('{"tags": ["b", "a"]}')) == 1
    assert field_f1(said('{"tags": ["a", "b"]}'), said('{"tags": ["a", "a"]}')) == 0.5


def test_a_reference_that_is_no_json_is_compared_as_a_whole() -> None:
    assert field_f1(said("none"), said("none")) == 1
    assert field_f1(said("none"), said('{"a": 1}')) == 0


def test_a_call_is_right_with_its_name_and_arguments() -> None:
    wanted = said("", ("find", '{"id": 1, "deep": {"b": 2}}'))
    assert tool_call_accuracy(wanted, said("Looking.", ("find", '{"deep":{"b":2},"id":1}'))) == 1
    assert tool_call_accuracy(wanted, said("", ("find", '{"id": 2, "deep": {"b": 2}}'))) == 0
    assert tool_call_accuracy(wanted, said("", ("look", '{"id": 1, "deep": {"b": 2}}'))) == 0
    assert tool_call_accuracy(wanted, said("no call")) == 0


def test_a_call_too_many_is_a_wrong_one_and_none_where_none_is_wanted_is_right() -> None:
    wanted = said("", ("find", "{}"))
    assert tool_call_accuracy(wanted, said("", ("find", "{}"), ("find", "{}"))) == 0.5
    assert tool_call_accuracy(said("hello"), said("good day")) == 1
    assert tool_call_accuracy(said("hello"), said("", ("find", "{}"))) == 0


def test_json_and_schema_are_judged_apart() -> None:
    keeps = schema_validity('{"type": "object", "required": ["kind"]}')
    assert (json_validity(said(), said("[1]")), json_validity(said(), said("no"))) == (1, 0)
    assert (keeps(said(), said('{"kind": 1}')), keeps(said(), said("{}")), keeps(said(), said("kind"))) == (1, 0, 0)


def test_nearer_texts_are_worth_more_in_any_script() -> None:
    for wanted, near, far in (
        ("restart the router", "restart your router", "buy bread"),
        ("重启 路由器", "重启", "面包"),
    ):
        for measure in (chrf, rouge_l):
            assert measure(said(wanted), said(wanted)) == pytest.approx(1)
            assert measure(said(wanted), said(near)) > measure(said(wanted), said(far))


def test_meaning_is_nearer_than_another_topic() -> None:
    wanted = said("How do I restart the router?")
    near, far = similarities(Embedder.load(), [wanted, wanted], [said("Reboot your modem"), said("Bake a cake")])
    assert near > far


@given(st.text(max_size=60), st.text(max_size=60))
def test_every_measure_lies_between_none_and_all(reference: str, answer: str) -> None:
    for measure in MEASURES.values():
        assert 0 <= measure(said(reference), said(answer)) <= 1


@given(st.text(min_size=1, max_size=60).filter(lambda text: any(letter.isalnum() for letter in text)))
def test_an_answer_that_is_the_reference_is_worth_all_of_it(text: str) -> None:
    for name in ("exact_match", "field_f1", "tool_call_accuracy", "chrf"):
        assert MEASURES[name](said(text), said(text)) == pytest.approx(1), name


@pytest.mark.parametrize(
    ("unwanted", "answer", "worth"),
    [
        (said('{"a": 1, "b": 2}'), said('{"b":2,"a":1}'), 0.0),
        (said('{"a": 1}'), said('{"a": 2}'), 1.0),
        (said('{"a": 1}'), said("not that"), 0.0),
        (said('{"a": 1}'), said("", ("find", "{}")), 1.0),
        (said("some words"), said(" some  words\n"), 0.0),
        (said("some words"), said("other words"), 1.0),
        (said("some words"), said(""), 0.0),
        (said("", ("find", '{"a": 1}')), said("", ("find", '{"a":1}')), 0.0),
    ],
)
def test_what_was_unwanted_is_avoided_by_another_answer_of_its_form(
    unwanted: Message, answer: Message, worth: float
) -> None:
    assert avoided(unwanted, answer) == worth
