"""Members found and edited in place: whatever the writer's habits, all other bytes stay."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.wire.formats.members import Cut, addition, members_of, removal, spliced

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(alphabet=st.characters()) | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
trees = st.dictionaries(st.text(max_size=6) | st.sampled_from(["id", "model", '"', "\\", "{"]), values, max_size=6)
layouts = st.sampled_from([{}, {"separators": (",", ":")}, {"indent": 2}, {"indent": "\t"}])


@given(trees, layouts)
def test_every_member_is_found_where_it_stands(tree: dict[str, Any], layout: dict[str, Any]) -> None:
    data = json.dumps(tree, **layout).encode()
    found = members_of(data)
    assert list(found) == list(tree)
    for name, at in found.items():
        assert repr(json.loads(data[at.value : at.end])) == repr(tree[name])
        assert json.loads(data[at.start : at.value].rstrip().removesuffix(b":")) == name


@given(trees.filter(bool), layouts, st.data())
def test_a_member_can_be_taken_out_changed_and_added(
    tree: dict[str, Any], layout: dict[str, Any], data: st.DataObject
) -> None:
    text = json.dumps(tree, **layout).encode()
    name = data.draw(st.sampled_from(list(tree)))
    at = members_of(text)[name]
    assert repr(json.loads(spliced(text, [removal(text, at)]))) == repr({k: v for k, v in tree.items() if k != name})
    assert repr(json.loads(spliced(text, [Cut(at.value, at.end, b"7")]))) == repr({**tree, name: 7})
    assert repr(json.loads(spliced(text, [addition(text, "new", b"7")]))) == repr({"new": 7, **tree})


@pytest.mark.parametrize("data", [b"", b"[]", b"3", b'{"a": 1', b'"a"', b"{,"])
def test_what_is_no_object_has_no_members(data: bytes) -> None:
    assert members_of(data) == {}


def test_of_a_repeated_name_the_last_counts() -> None:
    data = b'{"model": "one", "x": {"model": "two"}, "model": "three"}'
    at = members_of(data)["model"]
    assert data[at.value : at.end] == b'"three"'


@given(st.binary(max_size=60) | st.text(alphabet='{}[],:"\\ab1 ', max_size=40).map(str.encode))
def test_nothing_makes_it_raise(data: bytes) -> None:
    for at in members_of(data).values():
        assert 0 <= at.start < at.value <= at.end <= len(data)
