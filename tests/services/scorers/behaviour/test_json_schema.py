"""The judge of JSON Schema says what the jsonschema library says, and nothing takes it long."""

import contextlib
import json
import time
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.scorers.behaviour.shape.json_schema import JsonSchema, Unusable, equal, pattern_of

names = st.sampled_from(["a", "b", "ab", "c"])
values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 6)
    | st.sampled_from([0.5, 1.0, 2.0, -1.5])
    | st.sampled_from(["", "a", "ab", "b1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
small = st.integers(0, 3)


# Keywords that hold no schema.
PLAIN: dict[str, st.SearchStrategy[Any]] = {
    "type": st.sampled_from(["string", "integer", "number", "object", "array", "boolean", "null", ["null", "string"]]),
    "enum": st.lists(values, min_size=1, max_size=3),
    "const": values,
    "required": st.lists(names, max_size=2, unique=True),
    "dependentRequired": st.dictionaries(names, st.lists(names, max_size=2, unique=True), max_size=2),
    "uniqueItems": st.booleans(),
    "pattern": st.sampled_from(["^a", "b", "^$", r"\d"]),
    "minimum": small,
    "maximum": small,
    "exclusiveMinimum": small,
    "exclusiveMaximum": small,
    "multipleOf": st.sampled_from([1, 2, 0.5]),
    **{f"{end}{what}": small for end in ("min", "max") for what in ("Properties", "Contains", "Items", "Length")},
}


def schemas_of(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    many = st.lists(inner, min_size=1, max_size=2)
    keywords: dict[str, st.SearchStrategy[Any]] = {
        **PLAIN,
        "allOf": many,
        "anyOf": many,
        "oneOf": many,
        "not": inner,
        "if": inner,
        "then": inner,
        "else": inner,
        "properties": st.dictionaries(names, inner, max_size=2),
        "patternProperties": st.dictionaries(st.sampled_from(["^a", "b$"]), inner, max_size=2),
        "additionalProperties": inner,
        "propertyNames": inner,
        "dependentSchemas": st.dictionaries(names, inner, max_size=2),
        "items": inner,
        "prefixItems": many,
        "contains": inner,
    }
    return st.lists(st.sampled_from(sorted(keywords)), max_size=4, unique=True).flatmap(
        lambda chosen: st.fixed_dictionaries({name: keywords[name] for name in chosen})
    )


schemas: st.SearchStrategy[Any] = st.recursive(st.booleans() | schemas_of(st.booleans()), schemas_of, max_leaves=4)


@settings(max_examples=600, deadline=None)
@given(schemas, values)
def test_it_agrees_with_the_library(schema: Any, value: Any) -> None:
    assert JsonSchema(json.dumps(schema)).holds(value) == jsonschema.Draft202012Validator(schema).is_valid(value)


@given(values, values)
def test_equality_is_that_of_json(one: Any, other: Any) -> None:
    assert equal(one, other) == jsonschema.Draft202012Validator({"const": one}).is_valid(other)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [(True, 1, False), (0, False, False), (1, 1.0, True), ([True], [1], False), ({"a": 0}, {"a": False}, False)],
)
def test_true_is_not_1_and_1_is_a_number_however_it_is_written(one: Any, other: Any, same: bool) -> None:
    assert equal(one, other) is same
    assert JsonSchema(json.dumps({"uniqueItems": True})).holds([one, other]) is not same


def test_references_within_the_schema_are_followed() -> None:
    tree = JsonSchema(
        '{"$defs":{"node":{"type":"object","properties":{"next":{"$ref":"#/$defs/node"},"value":{"type":"integer"}},'
        '"required":["value"]}},"$ref":"#/$defs/node"}'
    )
    assert tree.holds({"value": 1, "next": {"value": 2}})
    assert not tree.holds({"value": 1, "next": {"value": "2"}})


def test_what_older_drafts_say_is_understood() -> None:
    pairs = JsonSchema('{"items":[{"type":"string"},{"type":"integer"}],"additionalItems":false}')
    assert pairs.holds(["a", 1])
    assert not pairs.holds(["a", 1, 2])
    assert not JsonSchema('{"minimum":1,"exclusiveMinimum":true}').holds(1)
    assert not JsonSchema('{"dependencies":{"a":["b"]}}').holds({"a": 1})


@pytest.mark.parametrize(
    "schema",
    [
        "{",
        "[]",
        "7",
        '{"type":"strange"}',
        '{"type":7}',
        '{"required":7}',
        '{"properties":["a"]}',
        '{"minimum":"x"}',
        '{"multipleOf":0}',
        '{"enum":7}',
        '{"$ref":7}',
        '{"$ref":"https://example.org/schema"}',
        '{"$ref":"#/nowhere"}',
        '{"$ref":"#anchor"}',
        '{"$ref":"#"}',
        '{"allOf":[7]}',
        '{"pattern":"("}',
        '{"pattern":"(?=a)"}',
        '{"unevaluatedProperties":false}',
    ],
)
def test_a_schema_that_cannot_judge_says_so(schema: str) -> None:
    with pytest.raises(Unusable):
        [JsonSchema(schema).holds(value) for value in ("a", {"a": 1}, 3)]


def laughs() -> str:
    """Each definition asks for the next twice: 2 to the 40th applications."""
    defs = {f"d{number}": {"allOf": [{"$ref": f"#/$defs/d{number + 1}"}] * 2} for number in range(40)}
    return json.dumps({"$defs": {**defs, "d40": {}}, "$ref": "#/$defs/d0"})


HOSTILE = [
    (laughs(), 1),
    (json.dumps({"items": {"anyOf": [{"const": number} for number in range(500)]}}), list(range(1000, 3000))),
    (json.dumps({"items": {"enum": list(range(2000))}}), [-1] * 5_000),
    (json.dumps({"pattern": "(a*)*(a|aa)+$"}), "a" * 190_000 + "b"),
    (json.dumps({"patternProperties": {f"(x+x+)+{number}": {} for number in range(500)}}), {"x" * 500: 1}),
    (json.dumps({"items": {"required": [f"n{number}" for number in range(1500)]}}), [{}] * 20_000),
    (json.dumps({"uniqueItems": True}), [[number] for number in range(15_000)]),
    (json.dumps({"not": {"$ref": "#"}}), 1),
    (json.dumps({"items": {"$ref": "#"}, "uniqueItems": True}), json.loads("[" * 90 + "]" * 90)),
]


@pytest.mark.parametrize(("schema", "value"), HOSTILE, ids=range(len(HOSTILE)))
def test_no_schema_takes_long(schema: str, value: Any) -> None:
    began = time.process_time()
    with contextlib.suppress(Unusable):
        JsonSchema(schema).holds(value)
    assert time.process_time() - began < 1.0


def test_patterns_that_look_around_are_refused_and_others_are_linear() -> None:
    for pattern in ("(?<=a)b", r"(a)\1", "(a{1000}){1000}", "\ud800"):
        with pytest.raises(Unusable):
            pattern_of(pattern)
    began = time.process_time()
    assert pattern_of("(a+)+$").fullmatch("a" * 100_000 + "b") is None
    assert time.process_time() - began < 1.0
