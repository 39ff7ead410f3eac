"""Arrays of events in one message: each event is judged alone, and as it would be in a message of its own."""

import json
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import BATCH_CONTENT_TYPE, MAX_EVENT_BYTES, BadElement, decode_elements, encode, split
from schemas.record import Record
from schemas.topics import FEEDBACK_GIVEN, INFERENCE_RESPONDED, SCORES_RECORDED
from tests.stream_processors.builders import feedback, responded

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
NOW_MS = round(NOW.timestamp() * 1000)
TOPIC = INFERENCE_RESPONDED.name
BATCH = [("ce_id", b"1"), ("content-type", BATCH_CONTENT_TYPE.encode())]
GOOD = [encode(responded(number, at=NOW_MS)) for number in range(3)]
POISON = [
    *(b"{}", b"[]", b"null", b"1", b'"text"', b'[[{"a": 1}]]', b"{a, b}", b"nul"),
    *(b'{"event_id": 3}', b'{"event_id": "\\ud800"}', b'{"event_id": "\xff"}', b'{"a": "],[\\\\"}'),
    encode(responded(9, at=0)),
    GOOD[0].replace(b"10.0", b"-1"),
    GOOD[0].replace(b"stable", b"unheard-of"),
]
ELEMENTS = st.lists(st.tuples(st.sampled_from([*GOOD, *POISON]), st.sampled_from([b"", b" ", b"\n\t"])), max_size=12)


def judged(value: bytes | None, topic: str = TOPIC) -> list[Record | BadElement]:
    return decode_elements(topic, value, BATCH, NOW)


@settings(deadline=None)
@given(drawn=ELEMENTS)
def test_the_verdict_on_an_event_is_the_same_in_an_array_as_alone(drawn: list[tuple[bytes, bytes]]) -> None:
    value = b"[" + b",".join(space + element + space for element, space in drawn) + b"]"
    alone = [decode_elements(TOPIC, element, [], NOW) for element, _ in drawn]
    expected = [
        BadElement(number, verdict.value, verdict.reason) if isinstance(verdict, BadElement) else verdict
        for number, (verdict,) in enumerate(alone, 1)
    ]
    assert judged(value) == expected


@settings(deadline=None)
@given(drawn=ELEMENTS)
def test_a_bad_element_keeps_its_own_bytes_and_its_place(drawn: list[tuple[bytes, bytes]]) -> None:
    value = b"[" + b",".join(space + element + space for element, space in drawn) + b"]"
    for verdict in judged(value):
        if isinstance(verdict, BadElement):
            assert verdict.value == drawn[verdict.number - 1][0] == split(value)[verdict.number - 1]


@pytest.mark.parametrize(
    "value", [None, b"", b"{", b"[{]", b"[1,]", b"[1],[2]", b"[{}}]", b"[" + GOOD[0], GOOD[0], b"7", b"\xff"]
)
def test_what_is_no_array_is_bad_as_a_whole(value: bytes | None) -> None:
    (verdict,) = judged(value)
    assert isinstance(verdict, BadElement)
    assert (verdict.number, verdict.value) == (0, value)


def test_a_string_without_an_end_is_looked_for_once() -> None:
    begun = time.thread_time()
    (verdict,) = judged(b'["' + b'\\"' * 100_000 + b"]")
    assert isinstance(verdict, BadElement)
    assert time.thread_time() - begun < 5


def test_an_empty_array_holds_no_event_and_nothing_bad() -> None:
    assert judged(b" [ ] ") == []


def test_an_array_may_be_larger_than_an_event_but_its_events_may_not() -> None:
    large = json.dumps({**json.loads(GOOD[0]), "model": "m", "padding": "x" * (MAX_EVENT_BYTES - 2000)}).encode()
    oversized = json.dumps({**json.loads(GOOD[0]), "padding": "x" * MAX_EVENT_BYTES}).encode()
    first, second, third = judged(b"[" + b",".join([large, oversized, large]) + b"]")
    assert isinstance(second, BadElement)
    assert second.reason.startswith("oversized")
    assert first == third == decode_elements(TOPIC, large, [], NOW)[0]


@pytest.mark.parametrize("type_", ["application/cloudevents-batch+json; charset=utf-8", BATCH_CONTENT_TYPE.upper()])
def test_the_content_type_is_read_as_mail_and_http_read_it(type_: str) -> None:
    records = decode_elements(TOPIC, b"[" + GOOD[0] + b"]", [("content-type", type_.encode())], NOW)
    assert records == decode_elements(TOPIC, GOOD[0], [], NOW)


def test_without_the_content_type_and_on_topics_that_are_not_inbound_an_array_is_a_bad_message() -> None:
    value = b"[" + GOOD[0] + b"]"
    assert isinstance(decode_elements(TOPIC, value, [("content-type", b"application/json")], NOW)[0], BadElement)
    (verdict,) = judged(value, SCORES_RECORDED.name)
    assert isinstance(verdict, BadElement)
    assert verdict.number == 0


def test_every_inbound_topic_takes_arrays() -> None:
    given_ = [feedback(number, at=NOW_MS) for number in range(3)]
    assert judged(b"[" + b",".join(map(encode, given_)) + b"]", FEEDBACK_GIVEN.name) == given_
