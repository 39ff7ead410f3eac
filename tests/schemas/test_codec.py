"""Events to bytes and back, and what is refused with which reason."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import (
    MAX_AGE,
    MAX_AHEAD,
    MAX_EVENT_BYTES,
    BadRecord,
    decode,
    encode,
    from_unix_ms,
    header,
    headers_of,
    to_rfc3339,
    to_unix_ms,
)
from schemas.feedback import FeedbackGiven
from schemas.inference import InferenceRequested, Message

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
TOPIC = "inference.requested.v1"


def requested(text: str = "hello", occurred_at: datetime = NOW, request_id: str = "r-1") -> InferenceRequested:
    return InferenceRequested(
        event_id="e-1",
        occurred_at=occurred_at,
        app="guard",
        request_id=request_id,
        messages=(Message(role="user", content=text),),
    )


def reason(value: bytes | None, logged_at: datetime = NOW) -> str:
    with pytest.raises(BadRecord) as caught:
        decode(TOPIC, value, logged_at)
    return caught.value.reason


def with_(**changes: object) -> bytes:
    return msgspec.json.encode({**msgspec.json.decode(encode(requested())), **changes})


@given(text=st.text(), minutes=st.integers(-500_000, 9), name=st.text(min_size=1, max_size=256))
def test_what_is_encoded_decodes_to_the_same(text: str, minutes: int, name: str) -> None:
    record = requested(text, NOW + timedelta(minutes=minutes), name)
    assert decode(TOPIC, encode(record), NOW) == record


@given(value=st.binary())
def test_arbitrary_bytes_are_refused_and_nothing_else_happens(value: bytes) -> None:
    assert reason(value)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "empty message"),
        (b"", "empty message"),
        (b"{", "malformed JSON"),
        (b"[" * 100_000, "array"),
        (b'{"x":' * 100_000, "malformed JSON"),
        (b'{"event_id": "\xff"}', "malformed JSON"),
        (with_(app=7), "app"),
        (with_(app=""), "app"),
        (with_(event_id="x" * 257), "event_id"),
        (with_(occurred_at="2026-01-31T12:00:00"), "occurred_at"),
        (with_(occurred_at=5), "occurred_at"),
        (with_(variant="green"), "variant"),
        (with_(messages=[{"role": "boss"}]), "role"),
        (with_(comment="x" * MAX_EVENT_BYTES), "oversized"),
    ],
)
def test_a_bad_message_is_refused_with_a_reason(value: bytes | None, said: str) -> None:
    assert said in reason(value)


def test_a_reason_holds_no_text_of_the_payload() -> None:
    assert "secret" not in reason(with_(variant="secret")) + reason(b'{"secret')


def test_times_are_refused_just_beyond_their_bounds() -> None:
    bounds = ((NOW + MAX_AHEAD, timedelta(milliseconds=1)), (NOW - MAX_AGE, -timedelta(milliseconds=1)))
    for at_bound, beyond in bounds:
        decode(TOPIC, encode(requested(occurred_at=at_bound)), NOW)
        assert "occurred_at" in reason(encode(requested(occurred_at=at_bound + beyond)))


def test_unknown_fields_of_a_newer_producer_are_ignored() -> None:
    assert decode(TOPIC, with_(invented="later"), NOW) == requested()


def test_feedback_needs_one_of_its_kinds() -> None:
    with pytest.raises(ValueError, match="needs a label, a score"):
        FeedbackGiven(event_id="e", occurred_at=NOW, app="a", request_id="r")
    with pytest.raises(BadRecord, match="needs a label, a score"):
        decode(
            "feedback.given.v1",
            b'{"event_id":"e","occurred_at":"2026-01-31T12:00:00Z","app":"a","request_id":"r"}',
            NOW,
        )


def test_headers_are_cloudevents_attributes() -> None:
    headers = headers_of(requested())
    assert {name: header(headers, name) for name, _ in headers} == {
        "ce_specversion": "1.0",
        "ce_id": "e-1",
        "ce_type": TOPIC,
        "ce_source": "driftloop/guard",
        "ce_time": "2026-01-31T12:00:00.000Z",
        "content-type": "application/json",
    }
    assert header(headers, "absent") == ""


@given(unix_ms=st.integers(0, 4_000_000_000_000))
def test_milliseconds_survive_both_ways(unix_ms: int) -> None:
    assert to_unix_ms(from_unix_ms(unix_ms)) == unix_ms
    assert datetime.fromisoformat(to_rfc3339(from_unix_ms(unix_ms))) == from_unix_ms(unix_ms)
