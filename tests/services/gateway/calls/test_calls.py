"""Whole calls through a real gateway and a real upstream over HTTP; the broker is away throughout."""

import re
from typing import Any

import httpx
import pytest

from schemas.configuration import Price
from schemas.inference import InferenceRequested, InferenceResponded
from schemas.learning import Route
from schemas.record import Variant
from tests.fixtures.http import Served
from tests.fixtures.waiting import PATIENCE_S
from tests.services.gateway.conftest import APP, Running, Start
from tests.services.gateway.echo import Echo


def chat(text: str = "is this safe", **fields: Any) -> dict[str, Any]:
    return {"model": APP, "messages": [{"role": "user", "content": text}], **fields}


def post(gateway: Running, body: dict[str, Any], **headers: str) -> httpx.Response:
    return httpx.post(f"{gateway.url}/v1/chat/completions", json=body, headers=headers, timeout=PATIENCE_S)


def metrics(gateway: Running) -> str:
    return httpx.get(f"{gateway.url}/metrics", timeout=PATIENCE_S).text


def recorded(gateway: Running) -> tuple[InferenceRequested, InferenceResponded]:
    asked, answered = gateway.events()
    assert isinstance(asked, InferenceRequested)
    assert isinstance(answered, InferenceResponded)
    return asked, answered


def test_an_answer_comes_under_our_id_and_the_apps_name(start: Start) -> None:
    gateway = start()
    response = post(gateway, chat())
    answer = response.json()
    assert response.status_code == 200
    assert answer["choices"][0]["message"]["content"] == "is this safe"
    assert answer["model"] == APP
    assert answer["id"] == recorded(gateway)[1].request_id
    assert response.headers["x-driftloop-variant"] == "stable"
    assert response.headers["x-driftloop-adapter-version"] == ""
    assert gateway.echo.bodies[0]["model"] == "echo-base"


def test_of_an_app_that_is_not_recorded_calls_are_answered_and_counted_and_nothing_is_kept(start: Start) -> None:
    gateway = start(record=False)
    assert post(gateway, chat("quite private")).json()["choices"][0]["message"]["content"] == "quite private"
    assert post(gateway, chat("so is this", stream=True)).text.endswith("data: [DONE]\n\n")
    assert gateway.events() == []
    assert 'driftloop_gateway_requests_total{app="prompt-guard",status="200",variant="stable"} 2.0' in metrics(gateway)
    assert not any(b"quite private" in file.read_bytes() for file in gateway.data.rglob("*") if file.is_file())


def test_request_and_response_are_on_record_when_the_answer_arrives(start: Start) -> None:
    gateway = start()
    headers = {
        "x-session-id": "s-1",
        "x-tenant": "acme",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    }
    post(gateway, chat(user="ada", metadata={"slice": "new"}, temperature=0.5, max_tokens=9), **headers)
    asked, answered = recorded(gateway)
    assert (asked.request_id, asked.event_id) != (answered.request_id, answered.event_id)
    assert asked.request_id == answered.request_id
    for event in (asked, answered):
        assert (event.session_id, event.tenant, event.tags) == ("s-1", "acme", {"slice": "new"})
        assert (event.trace_id, event.span_id) == ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
        assert (event.sampling.temperature, event.sampling.max_tokens) == (0.5, 9)
        assert event.prompt == "is this safe"
    assert answered.answer == "is this safe"
    assert answered.usage.input_tokens == 7
    assert answered.usage.cached_tokens == 2
    assert answered.cost_usd == pytest.approx((7 * 1 + 3 * 2) / 1e6)
    assert answered.latency_ms > 0
    assert answered.ttft_ms is None


@pytest.mark.parametrize(
    ("prices", "cost"),
    [
        ({"price": None}, None),
        ({"price": None, "prices": {"another-*": Price(input=5)}}, None),
        (
            {"price": None, "prices": {"echo-*": Price(input=5, cached_input=1, output=2)}},
            (5 * 5 + 2 * 1 + 3 * 2) / 1e6,
        ),
        ({"price": Price(input=0, output=0)}, 0),
    ],
    ids=["no price", "none of this model", "by model", "free"],
)
def test_a_cost_is_by_the_price_of_app_or_model_and_unknown_without_one(
    start: Start, prices: dict[str, Any], cost: float | None
) -> None:
    gateway = start(**prices)
    post(gateway, chat())
    assert recorded(gateway)[1].cost_usd == (None if cost is None else pytest.approx(cost))


def test_a_user_is_known_by_a_stable_pseudonym_only(start: Start) -> None:
    gateway = start()
    post(gateway, chat(user="ada@example.org"))
    post(gateway, chat(user="ada@example.org"))
    users = {event.user_id for event in gateway.events() if isinstance(event, InferenceRequested)}
    assert len(users) == 1
    assert re.fullmatch("[0-9a-f]{32}", users.pop())
    assert "ada@example.org" not in str(gateway.echo.bodies)


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        (b"{not json", 400, None),
        (b"\xff\xfe", 400, None),
        (b"[" * 100_000, 400, None),
        (b"[]", 400, None),
        (b"{}", 400, "model"),
        (b'{"model": 3, "messages": []}', 400, "model"),
        (b'{"model": "nobody", "messages": [{"role": "user", "content": "x"}]}', 404, "model"),
        (b'{"model": "' + b"x" * (17 * 1024 * 1024) + b'"}', 413, None),
    ],
)
def test_what_is_no_json_names_no_app_or_is_too_large_is_refused_and_leaves_no_event(
    start: Start, body: bytes, status: int, param: str | None
) -> None:
    gateway = start()
    response = httpx.post(f"{gateway.url}/v1/chat/completions", content=body, timeout=PATIENCE_S)
    error = response.json()["error"]
    assert response.status_code == status
    assert error["type"] == "invalid_request_error"
    assert error["param"] is None or param is None or error["param"] == param
    assert gateway.events() == []


@pytest.mark.parametrize(
    ("order", "read_s", "status", "error_type"),
    [
        ("status:500", PATIENCE_S, 500, "500"),
        ("status:429", PATIENCE_S, 429, "429"),
        ("sleep:3600", 0.5, 504, "timeout"),
    ],
)
def test_an_upstream_failure_is_answered_and_recorded(
    start: Start, order: str, read_s: float, status: int, error_type: str
) -> None:
    gateway = start(read_s=read_s)
    response = post(gateway, chat(order))
    assert response.status_code == status
    assert set(response.json()) == {"error"}
    assert recorded(gateway)[1].error_type == error_type


def test_an_answer_that_is_no_json_is_passed_on_and_recorded_as_what_it_is(start: Start) -> None:
    gateway = start()
    response = post(gateway, chat("garbage"))
    assert (response.status_code, response.text) == (200, "<html>")
    assert response.headers["content-type"].startswith("text/plain")
    assert (recorded(gateway)[1].error_type, recorded(gateway)[1].output) == ("invalid_response", None)
    assert 'driftloop_gateway_unread_total{app="prompt-guard",side="answer"} 1.0' in metrics(gateway)


def test_an_unreachable_upstream_is_a_502(start: Start) -> None:
    gateway = start(upstreams=["http://127.0.0.1:9"])
    response = post(gateway, chat())
    assert response.status_code == 502
    assert response.json()["error"]["code"] == "upstream_unavailable"
    assert recorded(gateway)[1].error_type == "upstream_unavailable"


def test_calls_go_on_over_the_replicas_that_are_well(start: Start) -> None:
    with Served(Echo().application) as well:
        gateway = start(upstreams=["http://127.0.0.1:9", well.url])
        assert all(post(gateway, chat()).status_code == 200 for _ in range(4))


def test_a_canary_that_is_not_loaded_is_answered_by_stable_and_the_record_says_so(start: Start) -> None:
    canary = Route(adapter_version="v2", variant="canary", weight=1.0)
    gateway = start(canary, Route(adapter_version="v1", variant="stable", weight=0.0), models=["v1"])
    response = post(gateway, chat())
    asked, answered = recorded(gateway)
    assert response.status_code == 200
    assert response.headers["x-driftloop-adapter-version"] == "v1"
    assert (asked.adapter_version, asked.variant) == ("v2", Variant.CANARY)
    assert (answered.adapter_version, answered.variant) == ("v1", Variant.STABLE)
    told = metrics(gateway)
    assert 'driftloop_gateway_fallbacks_total{adapter_version="v2",app="prompt-guard"} 1.0' in told


def test_a_stable_version_that_nobody_has_is_the_upstreams_404_not_the_base_model(start: Start) -> None:
    gateway = start(Route(adapter_version="v1", variant="stable", weight=1.0))
    response = post(gateway, chat())
    assert (response.status_code, response.json()["error"]["message"]) == (404, "no such model")
    answered = recorded(gateway)[1]
    assert (answered.error_type, answered.error_message) == ("model_not_found", "no such model")
    assert answered.upstream_error_type == "NotFoundError"


def test_the_adapter_version_goes_upstream_as_model(start: Start) -> None:
    gateway = start(Route(adapter_version="v1", variant="stable", weight=1.0), models=["v1"])
    response = post(gateway, chat(guided_choice=["safe", "unsafe"]))
    assert response.headers["x-driftloop-adapter-version"] == "v1"
    assert gateway.echo.bodies[0]["model"] == "v1"
    assert gateway.echo.bodies[0]["guided_choice"] == ["safe", "unsafe"]


def test_models_are_the_apps(start: Start) -> None:
    listed = httpx.get(f"{start().url}/v1/models", timeout=PATIENCE_S).json()
    assert [(model["id"], model["root"]) for model in listed["data"]] == [(APP, "echo-base")]


def test_it_is_ready_and_measured_while_the_broker_is_away(start: Start) -> None:
    gateway = start()
    post(gateway, chat())
    assert httpx.get(f"{gateway.url}/healthz", timeout=PATIENCE_S).status_code == 200
    told = metrics(gateway)
    assert 'driftloop_gateway_requests_total{app="prompt-guard",status="200",variant="stable"} 1.0' in told
    assert "driftloop_gateway_overhead_seconds_count 1.0" in told
    assert "driftloop_spool_waiting 2.0" in told
    assert "driftloop_spool_lost_total 0.0" in told


def test_a_full_spool_costs_records_that_are_counted_and_no_calls(start: Start) -> None:
    gateway = start(spool_bytes=8_000)
    answers = [post(gateway, chat()) for _ in range(40)]
    assert {answer.status_code for answer in answers} == {200}
    kept = len(gateway.events())
    told = metrics(gateway)
    lost = next(line for line in told.splitlines() if line.startswith("driftloop_spool_lost_total "))
    assert float(lost.split()[1]) == 80 - kept > 0


def test_an_unknown_address_gets_the_same_error_shape(start: Start) -> None:
    response = httpx.get(f"{start().url}/nothing", timeout=PATIENCE_S)
    assert response.status_code == 404
    assert "no such address" in response.json()["error"]["message"]


def test_a_call_too_large_for_an_event_is_answered_and_recorded_in_part(start: Start) -> None:
    gateway = start(spool_bytes=64 << 20)
    assert post(gateway, chat("x" * 1_200_000)).status_code == 200
    asked, answered = recorded(gateway)
    assert asked.tags == {"truncated": "true"}
    assert len(answered.answer) == 60_000
