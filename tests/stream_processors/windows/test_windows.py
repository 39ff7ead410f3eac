"""Tumbling windows without an engine: any restart point gives the windows of an undisturbed run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import to_unix_ms
from schemas.observations import WindowClosed
from schemas.record import Series
from stream_processors.frame.delivery import Source
from stream_processors.monitors.partials import Measure, measure
from stream_processors.windows.windows import SKEW_MS, Bounds, OpenWindows, window_closed
from tests.stream_processors.builders import EPOCH, responded

BOUNDS = Bounds(length=1000, lateness=1000, horizon=5000)
SOURCE = Source("inference.responded.v1", 0)
SERIES = Series("guard", "v1", "stable")
Event = tuple[int, int]  # time of occurrence, log time

logs = st.lists(
    st.tuples(st.integers(0, 400), st.integers(-3000, 2500), st.integers(-SKEW_MS, 0)), min_size=1, max_size=40
).map(lambda steps: as_log(steps))


def as_log(steps: list[tuple[int, int, int]]) -> list[Event]:
    """Return a log whose times advance, disordered by no more than the skew, of events of various ages.

    Some are of a clock that runs ahead of the broker's.
    """
    events, now = [], EPOCH
    for step, age, skew in steps:
        now += step
        events.append((now + skew - age, now + skew))
    return events


def run(events: list[Event], *, begin: int = 0) -> tuple[list[WindowClosed], list[int]]:
    """Read a log from an offset to its end; return partials, and the floor after each event."""
    windows, closed, floors = OpenWindows(BOUNDS), [], []
    for offset, (occurred, logged) in list(enumerate(events))[begin:]:
        start, late = windows.place(occurred, logged)
        cell = windows.cell(SERIES, "tiny", start=start, offset=offset)
        cell.count(responded(offset, at=occurred), late=late)
        closed += windows.close()
        floors.append(offset + 1 if windows.floor is None else min(windows.floor, offset + 1))
    windows.watermark = EPOCH + 10**9
    closed += windows.close()
    return [window_closed(cell, SOURCE, "topic", BOUNDS.length) for cell in closed], floors


def kept(partials: list[WindowClosed]) -> dict[int, WindowClosed]:
    """Return what readers keep of partials."""
    best: dict[int, WindowClosed] = {}
    for partial in partials:
        start = to_unix_ms(partial.window_start)
        known = best.get(start)
        if known is None or (-partial.first_offset, partial.last_offset) > (-known.first_offset, known.last_offset):
            best[start] = partial
    return best


@given(events=logs)
def test_each_window_holds_what_occurred_in_it_and_closes_once(events: list[Event]) -> None:
    partials, _ = run(events)
    expected: dict[int, list[int]] = {}
    for occurred, logged in events:
        late = logged - occurred > BOUNDS.lateness
        start = (logged if late else occurred) // BOUNDS.length * BOUNDS.length
        expected.setdefault(start, [0, 0])[late] += 1
    found = {to_unix_ms(p.window_start): [int(p.counters.get("responses", 0)), p.late] for p in partials}
    assert len(found) == len(partials)
    assert found == expected


@given(events=logs, data=st.data())
def test_a_restart_at_the_floor_after_any_event_gives_the_same_windows(
    events: list[Event], data: st.DataObject
) -> None:
    whole, floors = run(events)
    crash = data.draw(st.integers(0, len(events) - 1), label="crash")
    before, _ = run_until(events, crash)
    again, _ = run(events, begin=floors[crash])
    assert kept(before + again) == kept(whole)


def run_until(events: list[Event], last: int) -> tuple[list[WindowClosed], None]:
    """Return the partials emitted up to and including the event at offset `last`."""
    windows, closed = OpenWindows(BOUNDS), []
    for offset, (occurred, logged) in enumerate(events[: last + 1]):
        start, late = windows.place(occurred, logged)
        cell = windows.cell(SERIES, "tiny", start=start, offset=offset)
        cell.count(responded(offset, at=occurred), late=late)
        closed += windows.close()
    return [window_closed(cell, SOURCE, "topic", BOUNDS.length) for cell in closed], None


def test_a_window_stays_open_until_lateness_and_skew_have_passed() -> None:
    windows = OpenWindows(BOUNDS)
    windows.cell(SERIES, "tiny", start=EPOCH, offset=3)
    windows.watermark = EPOCH + BOUNDS.closing - 1
    assert windows.close() == []
    assert windows.floor == 3
    windows.watermark += 1
    assert [cell.start for cell in windows.close()] == [EPOCH]
    assert windows.floor is None


def test_an_event_sent_twice_counts_once() -> None:
    windows = OpenWindows(BOUNDS)
    cell = windows.cell(SERIES, "tiny", start=EPOCH, offset=0)
    for _ in range(2):
        cell.count(responded(1, at=EPOCH), late=False)
    assert cell.counters["responses"] == 1


@pytest.mark.parametrize(
    ("costs", "told", "measured"),
    [
        ((0.5, None, 0.25), {"cost_usd": 0.75, "unpriced": 1.0}, Measure(0.75, 2)),
        ((None, None), {"unpriced": 2.0}, Measure(None, 0)),
        ((0.0, 0.0), {"cost_usd": 0.0}, Measure(0.0, 2)),
    ],
    ids=["in part", "unknown", "free"],
)
def test_an_unknown_cost_is_left_out_of_the_sum_and_counted(
    costs: tuple[float | None, ...], told: dict[str, float], measured: Measure
) -> None:
    windows = OpenWindows(BOUNDS)
    cell = windows.cell(SERIES, "tiny", start=EPOCH, offset=0)
    for number, cost in enumerate(costs):
        cell.count(responded(number, at=EPOCH, cost=cost), late=False)
    closed = window_closed(cell, SOURCE, "topic", BOUNDS.length)
    assert {name: closed.counters[name] for name in ("cost_usd", "unpriced") if name in closed.counters} == told
    assert measure("cost_usd.sum", [closed]) == measured


def test_a_record_out_of_order_beyond_the_skew_counts_as_late_where_the_log_stands() -> None:
    windows = OpenWindows(BOUNDS)
    windows.place(EPOCH + 9000, EPOCH + 9000)
    assert windows.place(EPOCH, EPOCH) == (EPOCH + 9000, True)
