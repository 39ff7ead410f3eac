"""POST /v1/traces: golden spans of each convention become the same two events."""

import gzip
import json
import time

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from schemas.inference import InferenceRequested, InferenceResponded
from tests.fixtures.waiting import PATIENCE_S
from tests.services.collector import golden
from tests.services.collector.conftest import Collecting, Start


def now_ns() -> int:
    return time.time_ns() // 1_000_000_000 * 1_000_000_000


def export(
    collector: Collecting, body: bytes, content_type: str = "application/json", **headers: str
) -> httpx.Response:
    return httpx.post(
        f"{collector.url}/v1/traces",
        content=body,
        headers={"content-type": content_type, **headers},
        timeout=PATIENCE_S,
    )


def taken(collector: Collecting) -> tuple[InferenceRequested, InferenceResponded]:
    asked, answered = collector.records()
    assert isinstance(asked, InferenceRequested)
    assert isinstance(answered, InferenceResponded)
    return asked, answered


@pytest.mark.parametrize(
    "span", [golden.GENAI, golden.OLDER, golden.OPENINFERENCE], ids=["genai", "older", "openinference"]
)
def test_each_convention_tells_of_the_same_call(start: Start, span: dict[str, object]) -> None:
    collector = start()
    response = export(collector, json.dumps(golden.exported(now_ns(), span)).encode())
    asked, answered = taken(collector)
    assert (response.status_code, response.json()) == (200, {})
    for event in (asked, answered):
        assert (event.app, event.model, event.trace_id) == ("prompt-guard", "base", golden.TRACE)
        assert event.prompt == "is it safe?"
    assert asked.request_id == answered.request_id
    assert answered.answer == "safe"
    assert (answered.usage.input_tokens, answered.usage.output_tokens) == (100, 20)
    assert answered.latency_ms == 1500
    assert answered.cost_usd == pytest.approx((100 + 40) / 1e6)


def test_the_current_conventions_are_read_in_full(start: Start) -> None:
    collector = start()
    export(collector, json.dumps(golden.exported(now_ns(), golden.GENAI)).encode())
    asked, answered = taken(collector)
    assert answered.request_id == "chatcmpl-7"
    assert answered.adapter_version == "prompt-guard-v3"
    assert answered.session_id == "c-1"
    assert (answered.usage.cached_tokens, answered.usage.reasoning_tokens) == (40, 5)
    assert (answered.ttft_ms, answered.finish_reason) == (250, "stop")
    assert [message.role for message in asked.messages] == ["system", "user"]
    assert answered.output is not None
    assert answered.output.tool_calls[0].arguments == '{"a":1}'
    assert (asked.sampling.max_tokens, asked.sampling.temperature) == (64, 0.5)


def test_protobuf_and_json_say_the_same_and_a_repeat_is_the_same_events(start: Start) -> None:
    collector = start()
    request = golden.exported(now_ns(), golden.GENAI)
    export(collector, json.dumps(request).encode())
    packed = gzip.compress(golden.as_protobuf(request))
    response = export(collector, packed, "application/x-protobuf", **{"content-encoding": "gzip"})
    records = collector.records()
    assert records[:2] == records[2:]
    assert ExportTraceServiceResponse.FromString(response.content) == ExportTraceServiceResponse()


def test_users_arrive_by_pseudonym(start: Start) -> None:
    collector = start()
    export(collector, json.dumps(golden.exported(now_ns(), golden.OPENINFERENCE)).encode())
    assert taken(collector)[0].user_id not in ("", "ada")


def test_spans_that_are_no_inference_are_passed_over(start: Start) -> None:
    collector = start()
    others: list[dict[str, object]] = [{"http.method": "GET"}, {"gen_ai.operation.name": "execute_tool"}]
    response = export(collector, json.dumps(golden.exported(now_ns(), *others)).encode())
    assert (response.status_code, response.json()) == (200, {})
    assert collector.records() == []


def test_a_bad_span_is_reported_and_its_neighbours_are_taken(start: Start) -> None:
    collector = start()
    request = golden.exported(now_ns(), golden.GENAI, golden.GENAI, golden.GENAI)
    golden.spans_of(request)[1]["endTimeUnixNano"] = "0"
    said = export(collector, json.dumps(request).encode()).json()["partialSuccess"]
    packed = export(collector, golden.as_protobuf(request), "application/x-protobuf")
    partial = ExportTraceServiceResponse.FromString(packed.content).partial_success
    assert said["rejectedSpans"] == "1"
    assert said["errorMessage"] == "1 spans rejected; span 1: the span has no end time"
    assert partial.rejected_spans == 1
    assert len(collector.records()) == 8


def test_a_span_of_an_unknown_app_is_rejected(start: Start) -> None:
    request = golden.exported(now_ns(), golden.GENAI, service="elsewhere")
    assert "service.name" in export(start(), json.dumps(request).encode()).json()["partialSuccess"]["errorMessage"]


@pytest.mark.parametrize(("body", "kind"), [(b"{", "application/json"), (b"\xff\xff\xff", "application/x-protobuf")])
def test_what_is_no_export_is_refused(start: Start, body: bytes, kind: str) -> None:
    assert export(start(), body, kind).status_code == 400


def test_a_failed_span_is_a_failed_call(start: Start) -> None:
    collector = start()
    failed = {**golden.GENAI, "error.type": "timeout"}
    export(collector, json.dumps(golden.exported(now_ns(), failed)).encode())
    assert (taken(collector)[1].error_type, taken(collector)[1].output) == ("timeout", None)
