"""Server-sent events: however they are cut, no byte is lost, and edits touch the data alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.wire.formats.sse import EventSplitter, data_of, with_data

ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])


def cut(stream: bytes, cuts: list[int]) -> list[bytes]:
    return [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]


@given(st.lists(st.binary(min_size=1).map(lambda b: b.hex().encode()), max_size=8), st.data(), ENDS)
def test_events_are_the_same_however_the_network_cuts_them(
    payloads: list[bytes], data: st.DataObject, end: bytes
) -> None:
    stream = b"".join(b"data: " + payload + end + end for payload in payloads)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    splitter = EventSplitter()
    events = [event for piece in cut(stream, cuts) for event in splitter.feed(piece)]
    if end == b"\r" and splitter.rest:
        events.append(splitter.rest)
    assert [data_of(event) for event in events if data_of(event)] == payloads
    assert b"".join(events) == stream


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=6))
def test_no_byte_of_any_stream_is_lost(stream: bytes, cuts: list[int]) -> None:
    splitter = EventSplitter()
    pieces = cut(stream, sorted(min(at, len(stream)) for at in cuts))
    events = [event for piece in pieces for event in splitter.feed(piece)]
    assert b"".join(events) + splitter.rest == stream
    assert all(with_data(event, lambda data: data) == event for event in events)


@pytest.mark.parametrize(
    ("event", "data", "edited"),
    [
        (b"data: x\n\n", b"x", b"data: X\n\n"),
        (b"data:x\r\n\r\n", b"x", b"data:X\r\n\r\n"),
        (b": hi\nevent: a\ndata: x\nid: b\n\n", b"x", b": hi\nevent: a\ndata: X\nid: b\n\n"),
        (b"data: x\ndata: y\n\n", b"x\ny", b"data: X\ndata: Y\n\n"),
        (b"data: x\xe2\x80\xa8y\r\r", b"x\xe2\x80\xa8y", b"data: X\xe2\x80\xa8Y\r\r"),
        (b"\xef\xbb\xbfdata: x\n\n", b"x", b"\xef\xbb\xbfdata: X\n\n"),
        (b": only a comment\n\n", b"", b": only a comment\n\n"),
        (b"data\n\n", b"", b"data\n\n"),
        (b"database: x\n\n", b"", b"database: x\n\n"),
    ],
)
def test_the_data_of_an_event_is_found_and_edited_in_its_place(event: bytes, data: bytes, edited: bytes) -> None:
    assert data_of(event) == data
    assert with_data(event, bytes.upper) == edited
