"""One call that is seen twice is one call: by the gateway and its client, or by two instrumentations of a client."""

import json
from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.collector.conventions.places import place_in
from services.collector.judging import SpanJudge
from services.collector.otlp.in_json import spans_in_json
from services.collector.sightings import Sighting, Sightings
from services.gateway.wire.surfaces import SURFACES
from services.parts.ingress.identity import is_of_gateway, new_event_id
from tests.services.collector import golden
from tests.services.collector.conftest import APP, Start
from tests.services.collector.judge import ADMISSION
from tests.services.collector.test_traces import export, now_ns

GATEWAY = "http://127.0.0.1:18080"
INSIDE, OUTSIDE = "00000000000000aa", "00000000000000bb"


def one_span(attributes: dict[str, Any], span_id: str = INSIDE, parent: str = "", **times: int) -> dict[str, Any]:
    (made,) = golden.spans_of(golden.exported(now_ns(), attributes))
    start = int(made["startTimeUnixNano"])
    moved = {
        "startTimeUnixNano": str(start + times.get("from_ms", 0) * 1_000_000),
        "endTimeUnixNano": str(start + times.get("to_ms", 1500) * 1_000_000),
    }
    return {**made, **moved, "spanId": span_id, "parentSpanId": parent}


def judged(judge: SpanJudge, *spans: dict[str, Any]) -> tuple[list[str], dict[str, int]]:
    """The calls taken, and what was left out, when spans come in one export each."""
    taken: list[str] = []
    left_out: dict[str, int] = {}
    for span in spans:
        request = golden.exported(now_ns(), golden.GENAI)
        request["resourceSpans"][0]["scopeSpans"][0]["spans"] = [span]
        found = judge.judged(spans_in_json(json.dumps(request).encode()), datetime.now(UTC))
        taken += [getattr(record, "request_id", "") for record in found.verdicts.records][::2]
        left_out |= found.left_out
    return taken, left_out


@pytest.fixture
def judge() -> SpanJudge:
    return SpanJudge(ADMISSION, {APP.name: APP}, Sightings(), place_in(GATEWAY))


@pytest.mark.parametrize("surface", SURFACES, ids=lambda surface: surface.path)
def test_every_id_that_the_gateway_gives_is_recognised(surface: Any) -> None:
    assert is_of_gateway(surface.prefix + new_event_id())


@pytest.mark.parametrize(
    "upstreams",
    [
        "chatcmpl-CZ2vW3PaB7Qxyz0123456789abcde",
        "chatcmpl-0b8c1f3e5a7d49e2b1c0d9e8f7a6b5c4",
        "chatcmpl-6f1e9d0a-3b2c-4d5e-8f90-a1b2c3d4e5f6",
        "chatcmpl-417",
        "resp_68af1c2e5b9c8190b7d7a3f1",
        "gen-019ac5b2-4c5e-7d3a-9b1f-0a1b2c3d4e5f",
    ],
)
def test_an_upstreams_own_id_is_not_taken_for_the_gateways(upstreams: str) -> None:
    assert not is_of_gateway(upstreams)


@pytest.mark.parametrize("prefix", ["chatcmpl-", "cmpl-", "resp_"])
def test_a_span_with_an_id_of_the_gateway_is_no_second_call(judge: SpanJudge, prefix: str) -> None:
    told = {**golden.GENAI, "gen_ai.response.id": prefix + new_event_id()}
    assert judged(judge, one_span(told)) == ([], {"seen_by_gateway": 1})


def test_an_id_that_stands_only_in_the_answers_json_is_seen(judge: SpanJudge) -> None:
    answer = json.dumps({"id": "chatcmpl-" + new_event_id(), "choices": [{"message": {"content": "hi"}}]})
    told = {**golden.OPENINFERENCE, "output.value": answer, "output.mime_type": "application/json"}
    assert judged(judge, one_span(told)) == ([], {"seen_by_gateway": 1})


def test_a_response_of_the_gateway_that_carries_the_upstreams_id_is_recognised(judge: SpanJudge) -> None:
    told = {**golden.GENAI, "gen_ai.response.id": f"resp_{new_event_id()}.resp_0123\nabc"}
    assert judged(judge, one_span(told)) == ([], {"seen_by_gateway": 1})


FAILED = {key: value for key, value in golden.GENAI.items() if not key.startswith("gen_ai.response")}


@pytest.mark.parametrize(
    ("where", "error", "left_out"),
    [
        ({"gen_ai.openai.api_base": "http://localhost:18080/v1/"}, "RateLimitError", "seen_by_gateway"),
        ({"server.address": "127.0.0.1", "server.port": 18080}, "openai.InternalServerError", "seen_by_gateway"),
        ({"gen_ai.openai.api_base": "http://localhost:18080/v1/"}, "APIConnectionError", ""),
        ({"gen_ai.openai.api_base": "http://localhost:18080/v1/"}, "", ""),
        ({"server.address": "api.example.com", "server.port": 443}, "RateLimitError", ""),
        ({"gen_ai.openai.api_base": "http://[nowhere"}, "RateLimitError", ""),
        ({}, "RateLimitError", ""),
    ],
)
def test_a_failed_call_is_the_gateways_where_the_span_says_that_it_went_there(
    judge: SpanJudge, where: dict[str, object], error: str, left_out: str
) -> None:
    span = one_span({**FAILED, **where, **({"error.type": error} if error else {})})
    taken, why = judged(judge, span)
    assert (len(taken), list(why)) == ((0, [left_out]) if left_out else (1, []))


def test_a_span_around_the_span_of_a_call_is_the_same_call_whichever_comes_first() -> None:
    inner = one_span({**golden.GENAI, "gen_ai.response.id": "x"}, INSIDE, OUTSIDE, from_ms=10, to_ms=1400)
    outer = one_span({**golden.OPENINFERENCE}, OUTSIDE)
    for order in permutations([inner, outer]):
        taken, left_out = judged(SpanJudge(ADMISSION, {APP.name: APP}, Sightings()), *order)
        assert (len(taken), left_out) == (1, {"seen_twice": 1})


def test_a_span_around_a_call_of_the_gateway_is_no_call_either(judge: SpanJudge) -> None:
    inner = one_span({**golden.GENAI, "gen_ai.response.id": "chatcmpl-" + new_event_id()}, INSIDE, OUTSIDE)
    outer = one_span(golden.OPENINFERENCE, OUTSIDE)
    assert judged(judge, inner, outer) == ([], {"seen_by_gateway": 1, "seen_twice": 1})


def test_siblings_of_one_answer_are_one_call_if_one_lies_within_the_others_time(judge: SpanJudge) -> None:
    outer = one_span({**golden.GENAI, "gen_ai.response.id": "x"}, OUTSIDE)
    inner = one_span({**golden.GENAI, "gen_ai.response.id": "x"}, INSIDE, from_ms=5, to_ms=1495)
    assert judged(judge, inner, outer) == (["x"], {"seen_twice": 1})


def test_an_upstream_that_repeats_its_ids_costs_no_call(judge: SpanJudge) -> None:
    one = one_span({**golden.GENAI, "gen_ai.response.id": "chatcmpl-417"}, INSIDE, to_ms=500)
    other = one_span({**golden.GENAI, "gen_ai.response.id": "chatcmpl-417"}, OUTSIDE, from_ms=400)
    assert judged(judge, one, other) == (["chatcmpl-417"] * 2, {})


def test_different_answers_are_different_calls_even_one_within_the_other(judge: SpanJudge) -> None:
    inner = one_span({**golden.GENAI, "gen_ai.response.id": "x"}, INSIDE, OUTSIDE)
    outer = one_span({**golden.GENAI, "gen_ai.response.id": "y"}, OUTSIDE)
    assert judged(judge, inner, outer) == (["x", "y"], {})


def test_the_same_span_again_is_taken_again_and_is_the_same_events(judge: SpanJudge) -> None:
    span = one_span(golden.GENAI)
    assert judged(judge, span, span) == (["chatcmpl-7"] * 2, {})


def test_a_twin_of_what_could_not_be_taken_is_taken(judge: SpanJudge) -> None:
    inner = one_span({**golden.GENAI, "driftloop.app": "nobody", "gen_ai.request.model": "other"}, INSIDE, OUTSIDE)
    inner = {**inner, "startTimeUnixNano": "1"}
    outer = one_span(golden.OPENINFERENCE, OUTSIDE)
    taken, left_out = judged(judge, inner, outer)
    assert (len(taken), left_out) == (1, {})


def test_what_a_full_spool_refused_is_taken_when_its_twin_comes(start: Start) -> None:
    collector = start(spool_bytes=3500, patience_s=0.0)
    inner = one_span({**golden.GENAI, "gen_ai.input.messages": "x" * 5000}, INSIDE, OUTSIDE)
    outer = one_span({"gen_ai.request.model": APP.name}, OUTSIDE)
    statuses = []
    for span in (inner, outer):
        request = golden.exported(now_ns(), golden.GENAI)
        request["resourceSpans"][0]["scopeSpans"][0]["spans"] = [span]
        statuses.append(export(collector, json.dumps(request).encode()).status_code)
    assert (statuses, len(collector.records())) == ([503, 200], 2)


def test_what_is_left_out_is_counted(start: Start) -> None:
    collector = start()
    told = {**golden.GENAI, "gen_ai.response.id": "chatcmpl-" + new_event_id()}
    export(collector, json.dumps(golden.exported(now_ns(), told)).encode())
    metrics = httpx.get(f"{collector.url}/metrics").text
    assert 'driftloop_collector_events_total{source="traces",verdict="seen_by_gateway"} 1.0' in metrics


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["", "x", "y"]), st.integers(0, 9)), max_size=30))
def test_memory_is_bounded_and_a_claim_that_was_taken_back_is_free(told: list[tuple[str, str, int]]) -> None:
    sightings = Sightings(traces=1)
    for trace, answer, start in told:
        sighting = Sighting(trace, f"{start}", "", answer, start, start + 5)
        if sightings.claim(sighting):
            sightings.forget([sighting])
        assert sightings.claim(sighting)
        sightings.forget([sighting])
    assert sightings.traces <= 1
