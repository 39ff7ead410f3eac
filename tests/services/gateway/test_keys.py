"""Who may come in at the gateway: real keys in a real store, over HTTP."""

import json
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from schemas.configuration import App, Configuration, Price
from schemas.feedback import FeedbackGiven
from schemas.inference import InferenceRequested, InferenceResponded
from schemas.settings import Settings
from services.gateway.application import NEEDS, Gateway, Limits, application_of
from services.parts.access.guard import guarded
from tests.fixtures.http import Served
from tests.fixtures.keys import bearer, id_of, make_key, revoke
from tests.fixtures.waiting import PATIENCE_S, until
from tests.services.gateway.conftest import APP, AWAY, Running, Start, settings_for
from tests.services.gateway.echo import BASE_MODEL, Echo

UPSTREAMS = "sk-upstream-9876543210"
ASKED = {"model": APP, "messages": [{"role": "user", "content": "Hello"}]}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_for(tmp_path, DRIFTLOOP_KEYS="required")


@pytest.fixture
def secret(settings: Settings) -> str:
    return make_key(settings, app=APP, tenant="acme")


@pytest.fixture
def gateway(start: Start, settings: Settings, secret: str) -> Running:
    return start(settings=settings)


def ask(gateway: Running, secret: str = "", path: str = "/v1/chat/completions", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.post(
        gateway.url + path, json=ASKED, headers={**(bearer(secret) if secret else {}), **named}, timeout=PATIENCE_S
    )


def give(gateway: Running, secret: str, **feedback: Any) -> httpx.Response:
    body = {"request_id": "r1", "label": "safe", **feedback}
    return httpx.post(f"{gateway.url}/v1/feedback", json=body, headers=bearer(secret), timeout=PATIENCE_S)


def error(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


def test_who_has_no_key_is_told_in_openais_form(gateway: Running) -> None:
    assert error(ask(gateway)) == (401, "invalid_api_key")
    assert error(ask(gateway, "dl_" + "x" * 53)) == (401, "invalid_api_key")
    client = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="sk-else", max_retries=0)
    with client, pytest.raises(openai.AuthenticationError, match="is not known"):
        client.models.list()
    assert gateway.echo.bodies == []
    assert gateway.events() == []


@pytest.mark.parametrize("name", ["authorization", "api_key", "x_api_key"])
def test_a_key_comes_in_by_each_header_and_goes_on_by_none(gateway: Running, secret: str, name: str) -> None:
    told = f"Bearer {secret}" if name == "authorization" else secret
    assert ask(gateway, **{name: told}).status_code == 200
    assert secret not in str(gateway.echo.headers)
    assert "dl_" not in str(gateway.echo.headers)


def test_a_key_of_an_upstream_goes_on_beside_one_of_ours(gateway: Running, secret: str) -> None:
    assert ask(gateway, authorization=f"Bearer {UPSTREAMS}", x_api_key=secret).status_code == 200
    (headers,) = gateway.echo.headers
    assert headers["authorization"] == f"Bearer {UPSTREAMS}"
    assert "x-api-key" not in headers


def test_the_apps_key_takes_the_place_of_ours(start: Start, settings: Settings, secret: str) -> None:
    keyed = start(settings=settings, upstream_key_env="UPSTREAM_KEY", environment={"UPSTREAM_KEY": UPSTREAMS})
    assert ask(keyed, secret).status_code == 200
    assert keyed.echo.headers[0]["authorization"] == f"Bearer {UPSTREAMS}"


def test_a_key_of_ours_goes_to_no_upstream_where_none_is_required(start: Start, tmp_path: Path) -> None:
    gateway = start(settings=settings_for(tmp_path))
    assert ask(gateway, "dl_" + "x" * 53).status_code == 200
    assert "authorization" not in gateway.echo.headers[0]


def test_the_key_decides_the_tenant_and_not_the_header(gateway: Running, secret: str) -> None:
    assert ask(gateway, secret, x_tenant="other").status_code == 200
    assert {event.tenant for event in gateway.events()} == {"acme"}


def test_a_key_without_a_tenant_leaves_it_to_the_header(start: Start, settings: Settings) -> None:
    free = make_key(settings, app=APP)
    gateway = start(settings=settings)
    assert ask(gateway, free, x_tenant="other").status_code == 200
    assert {event.tenant for event in gateway.events()} == {"other"}


def test_feedback_is_of_the_app_and_tenant_of_its_key(gateway: Running, secret: str) -> None:
    assert give(gateway, secret, tenant="other").status_code == 202
    (event,) = gateway.events()
    assert isinstance(event, FeedbackGiven)
    assert (event.app, event.tenant) == (APP, "acme")


@pytest.mark.parametrize(("scope", "path"), [("infer", "/v1/feedback"), ("feedback", "/v1/chat/completions")])
def test_a_key_opens_its_scopes_alone(start: Start, settings: Settings, scope: str, path: str) -> None:
    narrow = make_key(settings, app=APP, scopes=(scope,))
    gateway = start(settings=settings)
    assert error(ask(gateway, narrow, path)) == (403, "insufficient_scope")
    assert error(httpx.get(f"{gateway.url}/metrics", headers=bearer(narrow))) == (403, "insufficient_scope")


def test_health_is_open_and_metrics_are_for_who_may_read(start: Start, settings: Settings) -> None:
    reader = make_key(settings, scopes=("read",))
    gateway = start(settings=settings)
    until(lambda: httpx.get(f"{gateway.url}/healthz").status_code, lambda status: status == 200)
    assert error(httpx.get(f"{gateway.url}/metrics")) == (401, "invalid_api_key")
    told = httpx.get(f"{gateway.url}/metrics", headers=bearer(reader))
    assert 'driftloop_access_denied_total{reason="invalid_api_key"} 1.0' in told.text


@pytest.fixture
def two(settings: Settings) -> Iterator[Running]:
    """A gateway of two apps whose upstream nobody answers."""
    apps = tuple(App(name=name, base_model="b", upstreams=("http://127.0.0.1:9",)) for name in (APP, "bot"))
    gateway = Gateway(settings, Configuration(apps=apps), edges=AWAY, limits=Limits(routes_wait_s=0))
    with Served(guarded(application_of(gateway), settings, NEEDS, gateway.registry)) as served:
        yield Running(served.url, settings.data, Echo(), settings)


def models(gateway: Running, secret: str) -> list[str]:
    answer = httpx.get(f"{gateway.url}/v1/models", headers=bearer(secret), timeout=PATIENCE_S)
    return [model["id"] for model in answer.json()["data"]]


@pytest.fixture
def every(settings: Settings) -> str:
    return make_key(settings, all_apps=True)


def test_a_key_of_one_app_sees_and_reaches_no_other(secret: str, every: str, two: Running) -> None:
    assert models(two, secret) == [APP]
    assert models(two, every) == [APP, "bot"]
    for path in ("/v1/chat/completions", "/openai/deployments/bot/chat/completions", "/v1/audio/speech"):
        body = {**ASKED, "model": "bot"}
        denied = httpx.post(two.url + path, json=body, headers=bearer(secret), timeout=PATIENCE_S)
        assert error(denied) == (403, "app_not_allowed")
    assert error(httpx.get(f"{two.url}/v1/models/bot", headers=bearer(secret))) == (403, "app_not_allowed")
    assert error(give(two, secret, app="bot")) == (403, "app_not_allowed")
    assert two.events() == []
    assert give(two, secret).status_code == 202


def test_a_new_key_works_and_a_revoked_one_stops_without_a_restart(gateway: Running, secret: str) -> None:
    late = make_key(gateway.settings, app=APP)
    until(lambda: ask(gateway, late).status_code, lambda status: status == 200)
    revoke(gateway.settings, secret)
    until(lambda: ask(gateway, secret).status_code, lambda status: status == 401)
    assert ask(gateway, secret).json()["error"]["message"] == "this API key was revoked"
    assert ask(gateway, late).status_code == 200


def test_a_minute_that_is_full_is_answered_429_with_when_to_come_again(start: Start, settings: Settings) -> None:
    slow = make_key(settings, app=APP, requests_per_minute="2")
    gateway = start(settings=settings)
    answers = [ask(gateway, slow) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert error(answers[2]) == (429, "rate_limit_exceeded")
    assert 50 <= int(answers[2].headers["retry-after"]) <= 60
    assert len(gateway.echo.bodies) == 2


@pytest.mark.parametrize("limit", [{"tokens_per_month": "15"}, {"usd_per_month": "0.00002"}])
def test_a_months_limit_holds_over_a_restart(settings: Settings, limit: dict[str, str]) -> None:
    # The echo counts 7 tokens read and 3 written: 13 millionths of a dollar a call.
    bounded, echo = make_key(settings, app=APP, **limit), Echo()
    with Served(echo.application) as upstream:
        with _restarted(settings, upstream.url) as gateway:
            assert [ask(gateway, bounded).status_code for _ in range(3)] == [200, 200, 429]
        with _restarted(settings, upstream.url) as gateway:
            answer = ask(gateway, bounded)
    assert error(answer) == (429, "insufficient_quota")
    assert int(answer.headers["retry-after"]) > 0
    assert len(echo.bodies) == 2


@contextmanager
def _restarted(settings: Settings, upstream: str) -> Iterator[Running]:
    app = App(name=APP, base_model=BASE_MODEL, upstreams=(upstream,), price=Price(input=1, output=2))
    gateway = Gateway(settings, Configuration(apps=(app,)), edges=AWAY, limits=Limits(routes_wait_s=0))
    with Served(guarded(application_of(gateway), settings, NEEDS, gateway.registry)) as served:
        yield Running(served.url, settings.data, Echo(), settings)


def test_a_streamed_answer_is_charged_too(gateway: Running, secret: str) -> None:
    body = {**ASKED, "stream": True}
    httpx.post(f"{gateway.url}/v1/chat/completions", json=body, headers=bearer(secret), timeout=PATIENCE_S)
    until(lambda: _tokens(gateway.settings, secret), lambda tokens: tokens == 10)


def test_the_secret_is_in_no_event_log_error_or_store(
    gateway: Running, secret: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        said = [
            ask(gateway, secret),
            ask(gateway, secret, "/v1/feedback"),
            ask(gateway, secret, "/v1/audio/speech"),
            httpx.post(f"{gateway.url}/v1/feedback", content=b"{", headers=bearer(secret), timeout=PATIENCE_S),
            give(gateway, secret, comment="c"),
            httpx.get(f"{gateway.url}/metrics", headers=bearer(secret)),
        ]
        until(lambda: _tokens(gateway.settings, secret), lambda tokens: tokens == 10)
    hidden = secret[3 + len(id_of(secret)) :]
    assert [type(event) for event in gateway.events()][:2] == [InferenceRequested, InferenceResponded]
    assert hidden not in caplog.text + json.dumps([[answer.text, str(answer.headers)] for answer in said])
    files = [path for path in gateway.data.rglob("*") if path.is_file()]
    assert any(path.suffix == ".segment" for path in files)
    assert any(path.name.startswith("control.db") for path in files)
    assert [path.name for path in files if hidden.encode() in path.read_bytes()] == []


def _tokens(settings: Settings, secret: str) -> int:
    with sqlite3.connect(settings.data / "control.db") as connection:
        found = connection.execute("SELECT tokens FROM access_key_use WHERE key_id = ?", [id_of(secret)]).fetchone()
    connection.close()
    return int(found[0]) if found else 0
