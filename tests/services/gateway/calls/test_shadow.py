"""Shadows get copies; users notice nothing."""

from collections import Counter

import httpx

from schemas.inference import InferenceResponded
from schemas.learning import Route
from schemas.record import Variant
from services.gateway.calls.mirrors import AT_ONCE, WAITING
from tests.fixtures.waiting import PATIENCE_S, until
from tests.services.gateway.conftest import APP, Running, Start

STABLE = Route(adapter_version="v1", variant="stable", weight=1.0)
SHADOW = Route(adapter_version="v2", variant="shadow", mirror=1.0)


def ask(gateway: Running, text: str, client: httpx.Client | None = None) -> httpx.Response:
    body = {"model": APP, "messages": [{"role": "user", "content": text}]}
    post = client.post if client else httpx.post
    return post(f"{gateway.url}/v1/chat/completions", json=body)


def wait_for(gateway: Running, count: int) -> list[InferenceResponded]:
    return until(
        lambda: [event for event in gateway.events() if isinstance(event, InferenceResponded)],
        lambda found: len(found) >= count,
    )


def test_a_shadow_answers_the_same_request_for_the_record_only(start: Start) -> None:
    gateway = start(STABLE, SHADOW, models=["v1", "v2"])
    response = ask(gateway, "hello")
    answers = wait_for(gateway, 2)
    assert response.headers["x-driftloop-variant"] == "stable"
    assert [(a.variant, a.adapter_version) for a in answers] == [(Variant.STABLE, "v1"), (Variant.SHADOW, "v2")]
    assert len({answer.request_id for answer in answers}) == 1
    assert len({answer.event_id for answer in answers}) == 2


def test_a_shadow_that_fails_is_an_error_of_the_shadow(start: Start) -> None:
    gateway = start(STABLE, SHADOW, models=["v1"])
    assert ask(gateway, "hello").status_code == 200
    assert Counter((a.variant, a.error_type) for a in wait_for(gateway, 2)) == {
        (Variant.STABLE, ""): 1,
        (Variant.SHADOW, "model_not_found"): 1,
    }


def test_slow_shadows_are_dropped_and_counted_and_slow_nobody(start: Start) -> None:
    gateway = start(STABLE, SHADOW, models=["v1"])
    gateway.echo.slow_models["v2"] = 3600.0
    gateway.echo.models.add("v2")
    with httpx.Client(timeout=PATIENCE_S) as client:
        assert all(ask(gateway, "hello", client).status_code == 200 for _ in range(80))
    metrics = httpx.get(f"{gateway.url}/metrics", timeout=PATIENCE_S).text
    (line,) = [line for line in metrics.splitlines() if "gateway_mirrors_total{" in line and "dropped" in line]
    assert float(line.split()[-1]) == 80 - WAITING - AT_ONCE
