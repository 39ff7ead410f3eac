"""Which calls are drawn: by a number of their own, with the chance that holds at their offset, for ever."""

import doctest
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processors.scoring import cascade
from stream_processors.scoring.budget import Chances
from stream_processors.scoring.cascade import Schedule, drawn, may_be_drawn, number_of

chances = st.tuples(st.floats(0.001, 1), st.floats(0.001, 1)).map(lambda pair: Chances(max(pair), min(pair)))
FIRST = Chances(1.0, 0.05)


def test_examples_hold() -> None:
    assert doctest.testmod(cascade).failed == 0


def test_numbers_are_even_over_calls() -> None:
    tenths = Counter(int(number_of(f"chatcmpl-{i}") * 9.999999) for i in range(20_000))
    assert set(tenths) == set(range(10))
    assert max(abs(count - 2000) for count in tenths.values()) < 5 * 42  # 5 standard deviations


@given(st.text())
def test_every_id_has_a_number_above_zero(request_id: str) -> None:
    assert 0 < number_of(request_id) <= 1


def test_an_id_that_is_no_text_has_one_too() -> None:
    assert 0 < number_of("a\ud83d") <= 1


@given(st.floats(0, 1, exclude_min=True), chances)
def test_what_is_drawn_carries_the_chance_of_its_stratum(number: float, held: Chances) -> None:
    for suspicious, chance in ((True, held.suspicious), (False, held.rest)):
        found = drawn(number, held, suspicious=suspicious)
        assert found == (chance if number <= chance else None)
        assert may_be_drawn(number, held) or found is None  # nobody need look at what can't be drawn


def test_the_draw_is_as_often_as_its_chance_says() -> None:
    taken = sum(drawn(number_of(f"r{i}"), FIRST, suspicious=False) is not None for i in range(20_000))
    assert taken == pytest.approx(1000, abs=5 * 31)


@given(st.dictionaries(st.integers(0, 50), chances, max_size=8), st.integers(0, 60))
def test_an_offset_has_the_chances_of_the_last_change_before_it(told: dict[int, Chances], offset: int) -> None:
    schedule = Schedule.of(FIRST, told.items())
    before = [at for at in told if at <= offset]
    assert schedule.at(offset) == (told[max(before)] if before else FIRST)


@given(st.dictionaries(st.integers(0, 50), chances, min_size=1, max_size=8), st.integers(0, 50))
def test_forgetting_what_is_past_changes_nothing_that_comes(told: dict[int, Chances], before: int) -> None:
    whole, short = Schedule.of(FIRST, told.items()), Schedule.of(FIRST, told.items())
    short.forget(before)
    assert [short.at(offset) for offset in range(before, 60)] == [whole.at(offset) for offset in range(before, 60)]
    assert short.last == whole.last


def test_what_was_drawn_stays_drawn() -> None:
    schedule = Schedule.of(FIRST, [(10, Chances(0.5, 0.1))])
    with pytest.raises(ValueError, match="offset 10"):
        schedule.change(10, Chances(1.0, 1.0))


def test_reading_calls_again_with_another_chance_counts_some_of_them_twice_over() -> None:
    """Why chances are written before they are used: the weights of both readings together."""
    numbers = [number_of(f"r{i}") for i in range(40_000)]
    first = {n: drawn(n, Chances(1.0, 0.1), suspicious=False) for n in numbers}
    again = {n: drawn(n, Chances(1.0, 0.2), suspicious=False) for n in numbers}
    kept = [first[n] or again[n] for n in numbers]  # consumers keep what they saw first
    assert sum(1 / chance for chance in kept if chance) / len(numbers) == pytest.approx(1.5, abs=0.05)
    same = [first[n] or first[n] for n in numbers]
    assert sum(1 / chance for chance in same if chance) / len(numbers) == pytest.approx(1.0, abs=0.05)
