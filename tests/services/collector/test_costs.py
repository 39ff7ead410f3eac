"""What the collector makes of the cost of a call: told by its sender, priced here, or unknown."""

import json
from datetime import UTC, datetime

import pytest

from schemas.configuration import App, Price
from schemas.inference import InferenceResponded
from services.collector.conventions.calls import events_of
from services.collector.inbound import Admission
from services.collector.judging import judged_events
from services.collector.kserve.calls import KServeCalls
from services.collector.otlp.spans import Attribute
from services.parts.ingress.identity import new_event_id
from tests.services.collector.conventions.spans import span

PRICES = {"gpt-4o": Price(input=2), "gpt-4o-mini*": Price(input=1), "base": Price(input=8)}
COUNTS: dict[str, Attribute] = {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 1_000_000}


def app(price: Price | None = None, prices: dict[str, Price] = PRICES) -> App:
    return App(name="prompt-guard", base_model="base", price=price, prices=prices)


@pytest.mark.parametrize(
    ("told", "cost"),
    [
        ({"gen_ai.request.model": "gpt-4o", "gen_ai.response.model": "gpt-4o-mini-2024"}, 1),
        ({"gen_ai.request.model": "gpt-4o", "gen_ai.response.model": "a-fine-tune"}, 2),
        ({"gen_ai.request.model": "a-fine-tune"}, 8),
        ({}, 8),
    ],
    ids=["the model that answered", "the one asked for", "the base", "none told"],
)
def test_a_span_is_priced_by_the_model_that_it_tells(told: dict[str, Attribute], cost: float) -> None:
    guard = app()
    assert events_of(span({**COUNTS, **told}), {guard.name: guard})[1].cost_usd == cost


@pytest.mark.parametrize(
    ("guard", "cost"), [(app(prices={}), None), (app(Price(input=0, output=0)), 0)], ids=["no price", "free"]
)
def test_a_span_without_a_price_is_of_unknown_cost_and_a_free_one_costs_0(guard: App, cost: float | None) -> None:
    assert events_of(span(COUNTS), {guard.name: guard})[1].cost_usd == cost


def test_a_span_that_tells_no_tokens_is_of_unknown_cost_unless_it_failed() -> None:
    guard = app()
    uncounted: dict[str, Attribute] = {"gen_ai.operation.name": "chat"}
    assert events_of(span(uncounted), {guard.name: guard})[1].cost_usd is None
    assert events_of(span(uncounted, failed=True), {guard.name: guard})[1].cost_usd == 0


@pytest.mark.parametrize(
    ("guard", "told", "cost"),
    [
        (app(), {"cost_usd": 0.25}, 0.25),
        (app(), {"cost_usd": 0}, 0),
        (app(), {"model": "gpt-4o"}, 2),
        (app(), {"cost_usd": None}, 8),
        (app(prices={}), {}, None),
    ],
    ids=["told", "told to be free", "by its model", "by the base", "unknown"],
)
def test_an_events_own_cost_stands_and_else_it_is_priced(
    guard: App, told: dict[str, object], cost: float | None
) -> None:
    data = {"app": guard.name, "request_id": "r", "messages": [], "usage": {"input_tokens": 1_000_000}, **told}
    body = json.dumps({"type": "inference.responded.v1", "data": data}).encode()
    admission = Admission({guard.name: guard}, b"k" * 32)
    kserve = KServeCalls(admission.apps)
    verdicts = judged_events(
        body, "application/x-ndjson", admission, kserve, now=datetime.now(UTC), new_id=new_event_id
    )
    (answered,) = verdicts.records
    assert isinstance(answered, InferenceResponded)
    assert answered.cost_usd == cost
