"""One odd span among good ones costs at most itself, in both encodings of OTLP."""

import json
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from services.collector.verdicts import Verdicts
from tests.services.collector import golden
from tests.services.collector.conftest import Start
from tests.services.collector.judge import call, calls, json_spans, protobuf_spans, reasons
from tests.services.collector.test_traces import export, now_ns

Spoil = Callable[[dict[str, Any]], None]
NUMBERS = ("gen_ai.usage.input_tokens", "gen_ai.request.max_tokens", "gen_ai.request.temperature")


def three_spans(spoil: Spoil | None = None, odd: Mapping[str, object] = MappingProxyType({})) -> dict[str, Any]:
    """Three calls; the second with other attributes, and spoilt."""
    spans = [{**golden.GENAI, "gen_ai.response.id": f"r-{number}"} for number in range(3)]
    request = golden.exported(now_ns(), spans[0], {**spans[1], **odd}, spans[2])
    if spoil:
        spoil(golden.spans_of(request)[1])
    return request


def as_json(request: dict[str, Any]) -> Verdicts:
    return json_spans(json.dumps(request).encode())


def without(name: str) -> Spoil:
    return lambda span: span.pop(name)


def with_(name: str, value: object) -> Spoil:
    return lambda span: span.update({name: value})


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (without("endTimeUnixNano"), "no end time"),
        (without("startTimeUnixNano"), "no start time"),
        (with_("endTimeUnixNano", None), "no end time"),
        (with_("endTimeUnixNano", "soon"), "no end time"),
        (with_("endTimeUnixNano", "9" * 5000), "no end time"),
        (with_("endTimeUnixNano", 10**30), "out of range"),
        (with_("startTimeUnixNano", -(10**18)), "out of range"),
        (without("spanId"), "no span id"),
        (with_("traceId", None), "no trace id"),
        (with_("traceId", 7), "no trace id"),
        (with_("spanId", "0" * 16), "no span id"),
        (with_("traceId", "f" * 300), "trace_id"),
    ],
)
def test_a_span_that_lacks_an_id_or_a_time_is_rejected_alone(spoil: Spoil, reason: str) -> None:
    verdicts = as_json(three_spans(spoil))
    assert calls(verdicts) == ["r-0", "r-2"]
    assert list(reasons(verdicts)) == [1]
    assert reason in reasons(verdicts)[1]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda span: span["attributes"].append({"key": "odd", "value": None}),
        lambda span: span["attributes"].append({"key": "odd"}),
        lambda span: span["attributes"].append({"value": {"stringValue": "odd"}}),
        lambda span: span["attributes"].append(None),
        lambda span: span["attributes"].append({"key": "odd", "value": {"arrayValue": {"values": None}}}),
        lambda span: span["attributes"].append({"key": "odd", "value": {"intValue": "many"}}),
        lambda span: span["attributes"].append({"key": "odd", "value": {"stringValue": 7}}),
        with_("status", None),
        with_("events", None),
        with_("events", [None, {"name": None, "attributes": None}]),
        with_("kind", "SPAN_KIND_CLIENT"),
    ],
)
def test_what_is_empty_or_of_a_wrong_type_within_a_span_costs_no_more_than_itself(spoil: Spoil) -> None:
    verdicts = as_json(three_spans(spoil))
    assert (calls(verdicts), reasons(verdicts)) == (["r-0", "r-1", "r-2"], {})


def test_a_span_without_attributes_is_no_inference() -> None:
    verdicts = as_json(three_spans(with_("attributes", None)))
    assert (calls(verdicts), reasons(verdicts)) == (["r-0", "r-2"], {})


@pytest.mark.parametrize("odd", [None, 7, "span", []])
def test_what_is_no_span_is_rejected_alone(odd: object) -> None:
    request = three_spans()
    request["resourceSpans"][0]["scopeSpans"][0]["spans"][1] = odd
    verdicts = as_json(request)
    assert (calls(verdicts), reasons(verdicts)) == (["r-0", "r-2"], {1: "not an object"})


@pytest.mark.parametrize(("odd", "rejected"), [({"resource": None, "scopeSpans": None}, 0), ({}, 0), (7, 1)])
def test_an_odd_resource_costs_no_other(odd: object, rejected: int) -> None:
    request = three_spans()
    request["resourceSpans"].insert(0, odd)
    verdicts = as_json(request)
    assert (calls(verdicts), len(reasons(verdicts))) == (["r-0", "r-1", "r-2"], rejected)


def test_half_an_emoji_is_replaced_in_json() -> None:
    body = json.dumps(three_spans(odd={"tag.note": "cut \ud83d"})).encode()
    assert rb"\ud83d" in body
    assert call(json_spans(body), "r-1")[0].tags == {"note": "cut \ufffd"}


@pytest.mark.parametrize("odd", [b"\xf0\x9f", b"\xed\xa0\xbd", b"\xff"], ids=["cut", "surrogate", "never"])
def test_half_an_emoji_is_replaced_in_protobuf(odd: bytes) -> None:
    whole = "cut " + "#" * len(odd)
    body = golden.as_protobuf(three_spans(odd={"tag.note": whole}))
    verdicts = protobuf_spans(body.replace(whole.encode(), b"cut " + odd))
    assert (calls(verdicts), reasons(verdicts)) == (["r-0", "r-1", "r-2"], {})
    assert call(verdicts, "r-1")[0].tags["note"].startswith("cut \ufffd")


def test_half_an_emoji_in_a_resource_costs_no_span() -> None:
    body = golden.as_protobuf(three_spans(odd={"driftloop.app": "prompt-guard"}))
    verdicts = protobuf_spans(body.replace(b"service.name", b"service.nam\xff"))
    assert calls(verdicts) == ["r-1"]
    assert all("service.name" in reason for reason in reasons(verdicts).values())


def test_a_malformed_span_is_rejected_alone_in_protobuf() -> None:
    message = ExportTraceServiceRequest.FromString(golden.as_protobuf(three_spans()))
    marked = message.resource_spans[0].scope_spans[0].spans[1].SerializeToString()
    body = message.SerializeToString()
    assert marked in body
    verdicts = protobuf_spans(body.replace(marked, b"\x0f" * len(marked)))
    assert (calls(verdicts), reasons(verdicts)) == (["r-0", "r-2"], {1: "malformed protobuf"})


@pytest.mark.parametrize("levels", [50, 300, 3000])
def test_values_nested_without_end_cost_themselves(levels: int) -> None:
    body = json.dumps(three_spans(lambda span: span["attributes"].append({"key": "odd", "value": "deep"}))).encode()
    deep = b'{"arrayValue": {"values": [' * levels + b"]}}" * levels
    verdicts = json_spans(body.replace(b'"deep"', deep))
    assert (calls(verdicts), reasons(verdicts)) == (["r-0", "r-1", "r-2"], {})


def test_values_nested_without_end_cost_themselves_in_protobuf() -> None:
    message = ExportTraceServiceRequest.FromString(golden.as_protobuf(three_spans()))
    value = message.resource_spans[0].scope_spans[0].spans[1].attributes.add(key="odd").value
    for _ in range(120):
        value = value.array_value.values.add()
    verdicts = protobuf_spans(message.SerializeToString())
    assert (calls(verdicts), reasons(verdicts)) == (["r-0", "r-1", "r-2"], {})


@pytest.mark.parametrize(
    "value",
    [
        {"doubleValue": float("nan")},
        {"doubleValue": "NaN"},
        {"doubleValue": "-Infinity"},
        {"doubleValue": None},
        {"intValue": "9" * 400},
        {"intValue": "1e3"},
        {"stringValue": "many"},
        {"boolValue": True},
        {"arrayValue": {"values": [{"intValue": "1"}]}},
    ],
)
def test_a_count_that_is_no_number_is_0_and_a_limit_that_is_none_is_absent(value: object) -> None:

    def spoil(span: dict[str, Any]) -> None:
        span["attributes"] = [pair for pair in span["attributes"] if "cache" not in pair["key"]]
        for pair in span["attributes"]:
            pair["value"] = value if pair["key"] in NUMBERS else pair["value"]

    verdicts = as_json(three_spans(spoil))
    asked, answered = call(verdicts, "r-1")
    assert (answered.usage.input_tokens, asked.sampling.max_tokens, asked.sampling.temperature) == (0, None, None)
    assert (calls(verdicts), reasons(verdicts)) == (["r-0", "r-1", "r-2"], {})


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), -1e300])
def test_a_count_that_is_no_number_is_0_in_protobuf(odd: float) -> None:
    counts = {"gen_ai.usage.output_tokens": odd, "gen_ai.request.max_tokens": odd}
    asked, answered = call(protobuf_spans(golden.as_protobuf(three_spans(odd=counts))), "r-1")
    assert (answered.usage.output_tokens, asked.sampling.max_tokens) == (answered.usage.reasoning_tokens, None)


def test_numbers_told_otherwise_are_read() -> None:
    verdicts = as_json(three_spans(odd={"gen_ai.usage.input_tokens": "120"}))
    assert call(verdicts, "r-1")[1].usage.input_tokens == 120


def test_an_export_of_a_thousand_odd_texts_is_taken_apart_in_reasonable_time() -> None:
    spans = [{**golden.GENAI, "tag.note": "cut #"} for _ in range(1000)]
    body = golden.as_protobuf(golden.exported(now_ns(), *spans)).replace(b"cut #", b"cut \xf0")
    begun = time.thread_time()
    assert len(calls(protobuf_spans(body))) == 1000
    assert time.thread_time() - begun < 10


@pytest.mark.parametrize("kind", ["application/json", "application/x-protobuf"])
def test_over_http_an_odd_span_is_a_200_that_names_it_and_its_neighbours_are_on_the_spool(
    start: Start, kind: str
) -> None:
    collector = start()
    request = three_spans(with_("endTimeUnixNano", "0"), odd={"tag.note": "cut #"})
    body = json.dumps(request).encode() if kind == "application/json" else golden.as_protobuf(request)
    response = export(collector, body.replace(b"cut #", b"cut \xf0"), kind)
    assert response.status_code == 200
    assert b"span 1: the span has no end time" in response.content
    assert len(collector.records()) == 4
