"""Which messages a restart reads again, and which windows are whole then."""

from hypothesis import given
from hypothesis import strategies as st

from stream_processors.monitors.retention import Retention


def test_from_the_first_message_on_every_window_is_whole() -> None:
    retention = Retention()
    assert retention.note(5000, 0)
    assert retention.note(4000, 1)


def test_the_youngest_window_is_never_let_go_of() -> None:
    retention = Retention()
    retention.note(1000, 0)
    retention.note(2000, 1)
    retention.drop(before=9000)
    assert retention.floor == 1


@given(starts=st.lists(st.integers(0, 20), min_size=1, max_size=40), before=st.integers(0, 20))
def test_a_window_that_is_whole_after_a_restart_has_all_its_messages(starts: list[int], before: int) -> None:
    retention = Retention()
    for offset, start in enumerate(starts):
        retention.note(start, offset)
    retention.drop(before)
    floor = retention.floor
    assert floor is not None
    again = Retention()
    whole = {start for offset, start in enumerate(starts) if offset >= floor and again.note(start, offset)}
    for start in whole:
        assert starts.index(start) >= floor
