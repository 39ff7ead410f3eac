"""The path every event takes gives what placing and counting each event by itself gives."""

from datetime import timedelta

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import from_unix_ms, to_unix_ms
from schemas.inference import InferenceResponded
from schemas.observations import WindowClosed
from schemas.record import series_of
from stream_processors.frame.delivery import Source
from stream_processors.windows.answers import Answer, answer_of
from stream_processors.windows.joins import FeedbackJoin
from stream_processors.windows.served import ServedResponses
from stream_processors.windows.windows import SKEW_MS, Bounds, Cell, OpenWindows, window_closed
from tests.stream_processors.builders import EPOCH, responded

BOUNDS = Bounds(length=1000, lateness=1000, horizon=5000)
Log = list[tuple[int, list[InferenceResponded]]]

event = st.tuples(
    st.integers(-1, 2500), st.integers(-600, 600), st.sampled_from(["v1", "v2"]), st.sampled_from(["stable", "shadow"])
)
message = st.tuples(st.integers(0, 900), st.integers(-2 * SKEW_MS, 0), st.lists(event, max_size=6))
logs = st.lists(message, min_size=1, max_size=12).map(lambda steps: as_log(steps))


def as_log(steps: list[tuple[int, int, list[tuple[int, int, str, str]]]]) -> Log:
    """Return messages with log times, disordered beyond the skew too, of events of times finer than milliseconds."""
    log, now, number = [], EPOCH, 0
    for step, skew, events in steps:
        now += step
        records = []
        for age, microseconds, version, variant in events:
            number += 1
            record = responded(number // 2, at=now + skew - age, version=version, variant=variant)
            at = record.occurred_at + timedelta(microseconds=microseconds)
            records.append(msgspec.structs.replace(record, occurred_at=at))
        log.append((now + skew, records))
    return log


def by_message(log: Log) -> list[Cell]:
    served, closed = ServedResponses(BOUNDS, FeedbackJoin(BOUNDS)), []
    for offset, (logged, records) in enumerate(log):
        served.begin(offset, from_unix_ms(logged))
        for record in records:
            served.count(record)
        closed += served.close()
    served.windows.watermark = EPOCH + 10**9
    return closed + served.close()


def by_event(log: Log) -> list[Cell]:
    windows, closed = OpenWindows(BOUNDS), []
    for offset, (logged, records) in enumerate(log):
        windows.watermark = max(windows.watermark, logged)
        for record in records:
            start, late = windows.place(to_unix_ms(record.occurred_at), logged)
            windows.cell(series_of(record), record.model, start=start, offset=offset).count(record, late=late)
        closed += windows.close()
    windows.watermark = EPOCH + 10**9
    return closed + windows.close()


def told(cells: list[Cell]) -> list[WindowClosed]:
    return [window_closed(cell, Source("inference.responded.v1", 0), "topic", BOUNDS.length) for cell in cells]


@settings(deadline=None)
@given(log=logs)
def test_counting_by_message_is_counting_by_event(log: Log) -> None:
    assert told(by_message(log)) == told(by_event(log))


@settings(deadline=None)
@given(log=logs)
def test_each_answer_is_remembered_under_the_series_that_gave_it(log: Log) -> None:
    remembered: list[tuple[str, Answer]] = []

    class Remembering(FeedbackJoin):
        def remember(self, request_id: str, answer: Answer) -> None:
            remembered.append((request_id, answer))

    served = ServedResponses(BOUNDS, Remembering(BOUNDS))
    for offset, (logged, records) in enumerate(log):
        served.begin(offset, from_unix_ms(logged))
        for record in records:
            served.count(record)
    expected = [(record.request_id, answer_of(record, logged)) for logged, records in log for record in records]
    assert remembered == expected
