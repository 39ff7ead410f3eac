"""Whatever stands beside a good element, at each door: the good one is on the spool, and the answer is true."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import count
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.services.collector import golden
from tests.services.collector.conftest import Collecting, Start
from tests.services.collector.test_events import BATCH, LINES, feedback
from tests.services.collector.test_traces import now_ns

PROPERTY = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
TEXTS = st.text(max_size=12) | st.sampled_from(
    ["cut \ud83d", "\ude00", "0001-01-01T00:00:00+01:00", "NaN", "1e999", "[{"]
)
NUMBERS = st.integers() | st.floats() | st.sampled_from([10**400, -1, 2**64, 2**63, 1e308])
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


NOW = datetime.now(UTC).isoformat()
RESPONDED: dict[str, Any] = {
    "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}],
    "output": {"role": "assistant", "tool_calls": [{"id": "t", "name": "look"}]},
    "usage": {"input_tokens": 3, "output_tokens": 4},
    "sampling": {"temperature": 0.5},
    "latency_ms": 12.5,
    "user_id": "ada",
    "tags": {"a": "b"},
}


@pytest.fixture
def sender() -> Iterator[httpx.Client]:
    with closing(httpx.Client()) as client:
        yield client


@st.composite
def spoilt(draw: st.DrawFn, good: dict[str, Any]) -> Any:
    """Something that a writer might make of a good element: a value anywhere in it replaced, or all of it."""
    value: Any = json.loads(json.dumps(good))
    if draw(st.integers(0, 5)) == 0:
        return draw(JSON)
    node = value
    while True:
        key = draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
        if isinstance(node[key], dict | list) and node[key] and draw(st.booleans()):
            node = node[key]
            continue
        if isinstance(node, dict) and draw(st.integers(0, 5)) == 0:
            del node[key]
        else:
            node[key] = draw(JSON)
        return value


def garbled(good: bytes) -> st.SearchStrategy[bytes]:
    """A good element with some of its bytes replaced by others, more or fewer."""
    cuts = st.lists(st.integers(0, len(good)), min_size=2, max_size=2).map(sorted)
    return st.tuples(cuts, st.binary(max_size=8)).map(
        lambda drawn: good[: drawn[0][0]] + drawn[1] + good[drawn[0][1] :]
    )


def request_ids(collector: Collecting) -> list[str]:
    return [str(getattr(record, "request_id", "")) for record in collector.records()]


def span(name: str) -> dict[str, Any]:
    made = golden.spans_of(golden.exported(now_ns(), {**golden.GENAI, "gen_ai.response.id": name}))[0]
    content = [{"key": "content", "value": {"stringValue": "hi"}}]
    event = {"name": "gen_ai.user.message", "timeUnixNano": made["startTimeUnixNano"], "attributes": content}
    return {**made, "status": {"code": 1}, "events": [event]}


def part_of(*spans: Any) -> dict[str, Any]:
    (part,) = golden.exported(now_ns())["resourceSpans"]
    return {**part, "scopeSpans": [{"spans": [*spans]}]}


class Numbers:
    """Request ids that no example before had."""

    def __init__(self) -> None:
        self._next = count()

    def pair(self) -> tuple[str, str]:
        number = next(self._next)
        return f"left-{number}", f"right-{number}"


@pytest.mark.parametrize("whole", [False, True], ids=["span", "resource"])
def test_a_good_span_beside_any_other_in_json_is_stored(start: Start, sender: httpx.Client, whole: bool) -> None:
    collector, numbers = start(), Numbers()

    @PROPERTY
    @given(odd=spoilt(part_of(span("odd")) if whole else span("odd")))
    def stored(odd: Any) -> None:
        left, right = numbers.pair()
        before = len(collector.records())
        parts = [part_of(span(left)), odd, part_of(span(right))] if whole else [part_of(span(left), odd, span(right))]
        response = sender.post(
            f"{collector.url}/v1/traces",
            content=json.dumps({"resourceSpans": parts}),
            headers={"content-type": "application/json"},
        )
        assert response.status_code == 200
        assert "not readable" not in response.text
        found = request_ids(collector)[before:]
        assert (found[:2], found[-2:]) == ([left, left], [right, right])
        if not whole:
            assert len(found) + 2 * int(response.json().get("partialSuccess", {}).get("rejectedSpans", 0)) <= 6

    stored()


def framed(number: int, data: bytes) -> bytes:
    length = bytearray()
    rest = len(data)
    while rest > 0x7F:
        length.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes([number << 3 | 2, *length, rest]) + data


def in_protobuf(name: str) -> bytes:
    whole = golden.as_protobuf(golden.exported(now_ns(), {**golden.GENAI, "gen_ai.response.id": name}))
    spans = ExportTraceServiceRequest.FromString(whole).resource_spans[0].scope_spans[0].spans
    return bytes(spans[0].SerializeToString())


def resource() -> bytes:
    part = ExportTraceServiceRequest.FromString(golden.as_protobuf(golden.exported(now_ns()))).resource_spans[0]
    return bytes(part.resource.SerializeToString())


def part(*spans: bytes) -> bytes:
    return framed(1, resource()) + framed(2, b"".join(framed(2, data) for data in spans))


@pytest.mark.parametrize("whole", [False, True], ids=["span", "resource"])
def test_a_good_span_beside_any_other_in_protobuf_is_stored(start: Start, sender: httpx.Client, whole: bool) -> None:
    collector, numbers = start(), Numbers()

    @PROPERTY
    @given(odd=garbled(part(in_protobuf("odd")) if whole else in_protobuf("odd")) | st.binary(max_size=60))
    def stored(odd: bytes) -> None:
        left, right = in_protobuf((names := numbers.pair())[0]), in_protobuf(names[1])
        before = len(collector.records())
        parts = [part(left), odd, part(right)] if whole else [part(left, odd, right)]
        response = sender.post(
            f"{collector.url}/v1/traces",
            content=b"".join(framed(1, data) for data in parts),
            headers={"content-type": "application/x-protobuf"},
        )
        assert response.status_code == 200
        partial = ExportTraceServiceResponse.FromString(response.content).partial_success
        assert "not readable" not in partial.error_message
        found = request_ids(collector)[before:]
        assert (found[:2], found[-2:]) == ([names[0]] * 2, [names[1]] * 2)
        if not whole:
            assert len(found) + 2 * partial.rejected_spans <= 6

    stored()


def as_batch(elements: list[bytes]) -> bytes:
    return b"[" + b",".join(elements) + b"]"


@pytest.mark.parametrize(("content_type", "joined"), [(BATCH, as_batch), (LINES, b"\n".join)], ids=["batch", "lines"])
def test_a_good_event_beside_any_other_is_stored(
    start: Start, sender: httpx.Client, content_type: str, joined: Callable[[list[bytes]], bytes]
) -> None:
    collector, numbers = start(), Numbers()
    answered = {**feedback(2, occurred_at=NOW, **RESPONDED), "type": "inference.responded.v1", "time": NOW}
    written = (spoilt(answered) | spoilt(feedback(2, comment="odd"))).map(lambda value: json.dumps(value).encode())
    garbage = garbled(json.dumps(answered).encode()).filter(lambda data: b"\n" not in data and data.strip())

    @PROPERTY
    @given(odd=written | garbage if content_type == LINES else written)
    def stored(odd: bytes) -> None:
        left, right = numbers.pair()
        before = len(collector.records())
        elements = [
            json.dumps(feedback(1, request_id=left)).encode(),
            odd,
            json.dumps(feedback(3, request_id=right)).encode(),
        ]
        response = sender.post(
            f"{collector.url}/v1/events", content=joined(elements), headers={"content-type": content_type}
        )
        found = request_ids(collector)[before:]
        assert response.status_code in (202, 207)
        assert "not readable" not in response.text
        assert (found[0], found[-1], len(found)) == (left, right, response.json()["accepted"])
        assert response.json()["accepted"] + len(response.json()["rejected"]) == 3

    stored()
