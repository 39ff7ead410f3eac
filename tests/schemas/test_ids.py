"""Identity of events."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.ids import derived_id, time_ordered_id


@given(unix_ms=st.integers(0, 2**48 - 1), randomness=st.binary(min_size=10, max_size=16))
def test_a_time_ordered_id_is_a_uuid_of_version_seven_that_holds_its_time(unix_ms: int, randomness: bytes) -> None:
    made = uuid.UUID(time_ordered_id(unix_ms, randomness))
    assert made.version == 7
    assert made.variant == uuid.RFC_4122
    assert made.int >> 80 == unix_ms


@given(earlier=st.integers(0, 2**47), later=st.integers(1, 2**46), a=st.binary(min_size=10), b=st.binary(min_size=10))
def test_ids_of_later_times_sort_behind(earlier: int, later: int, a: bytes, b: bytes) -> None:
    assert time_ordered_id(earlier, a) < time_ordered_id(earlier + later, b)


@pytest.mark.parametrize(("unix_ms", "randomness"), [(-1, bytes(10)), (2**48, bytes(10)), (0, bytes(9))])
def test_what_does_not_make_an_id_is_refused(unix_ms: int, randomness: bytes) -> None:
    with pytest.raises(ValueError, match=r"48 bits|10 random bytes"):
        time_ordered_id(unix_ms, randomness)


def test_a_derived_id_stays_what_it_is_for_ever() -> None:
    made = derived_id("accuracy-drop", "prompt-guard", 3)
    assert made == "13df6fa4-403d-8757-89fd-ed545c2b774c"
    assert uuid.UUID(made).version == 8


@given(parts=st.lists(st.text() | st.integers(), max_size=4), others=st.lists(st.text() | st.integers(), max_size=4))
def test_derived_ids_are_equal_just_when_their_parts_are(parts: list[str | int], others: list[str | int]) -> None:
    same = list(map(str, parts)) == list(map(str, others))
    assert (derived_id(*parts) == derived_id(*others)) == same
