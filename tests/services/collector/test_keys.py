"""Who may come in at the collector: each element judged by its sender's key, over HTTP."""

import json
import time
from pathlib import Path

import httpx
import pytest

from schemas.feedback import FeedbackGiven
from schemas.settings import Settings
from tests.fixtures.keys import bearer, make_key
from tests.fixtures.waiting import PATIENCE_S
from tests.services.collector.conftest import APP, Collecting, Start
from tests.services.collector.golden import GENAI, exported

LINES = {"content-type": "application/x-ndjson"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.from_environment({"DRIFTLOOP_DATA": str(tmp_path)})


def asked(request_id: str, app: str = APP.name, **fields: object) -> dict[str, object]:
    data = {"app": app, "request_id": request_id, "messages": [{"role": "user", "content": "Hi"}], **fields}
    return {"type": "inference.requested.v1", "data": data}


def judged(request_id: str, app: str = APP.name, **fields: object) -> dict[str, object]:
    return {"type": "feedback.given.v1", "data": {"app": app, "request_id": request_id, "label": "safe", **fields}}


def send(collector: Collecting, secret: str, *elements: dict[str, object]) -> httpx.Response:
    body = "\n".join(json.dumps(element) for element in elements)
    return httpx.post(f"{collector.url}/v1/events", content=body, headers=LINES | bearer(secret), timeout=PATIENCE_S)


def test_nobody_sends_without_a_key_of_its_scope(settings: Settings, start: Start) -> None:
    caller = make_key(settings, app=APP.name, scopes=("infer",))
    collector = start(keys="required")
    bare = httpx.post(f"{collector.url}/v1/events", json=asked("r1"), headers=LINES, timeout=PATIENCE_S)
    answers = [bare, send(collector, caller, asked("r1"))]
    told = [(answer.status_code, answer.json()["error"]["code"]) for answer in answers]
    assert told == [(401, "invalid_api_key"), (403, "insufficient_scope")]
    assert collector.records() == []
    assert httpx.get(f"{collector.url}/healthz").status_code == 200
    assert httpx.get(f"{collector.url}/metrics").status_code == 401


def test_the_keys_tenant_wins_in_events_and_spans(settings: Settings, start: Start) -> None:
    secret = make_key(settings, all_apps=True, tenant="acme", scopes=("ingest",))
    collector = start(keys="required")
    assert send(collector, secret, asked("r1", tenant="other"), judged("r1")).status_code == 202
    body = exported(time.time_ns(), GENAI | {"driftloop.tenant": "other"})
    taken = httpx.post(f"{collector.url}/v1/traces", json=body, headers=bearer(secret), timeout=PATIENCE_S)
    assert taken.json() == {}
    assert [record.tenant for record in collector.records()] == ["acme"] * 4


def test_an_event_of_another_app_than_the_keys_is_refused_and_its_neighbours_are_taken(
    settings: Settings, start: Start
) -> None:
    secret = make_key(settings, app="another", scopes=("ingest",))
    mine = make_key(settings, app=APP.name, scopes=("ingest",))
    collector = start(keys="required")
    refused = send(collector, secret, asked("r1"), judged("r1"))
    assert refused.status_code == 400
    reasons = [one["reason"] for one in refused.json()["rejected"]]
    assert reasons == ["the API key is for the app 'another' alone"] * 2
    mixed = send(collector, mine, asked("r2", app="nobody"), asked("r3"))
    assert (mixed.status_code, [one["index"] for one in mixed.json()["rejected"]]) == (207, [0])
    assert [getattr(record, "request_id", "") for record in collector.records()] == ["r3"]


def test_a_span_of_another_app_than_the_keys_is_refused_alone(settings: Settings, start: Start) -> None:
    secret = make_key(settings, app="another", scopes=("ingest",))
    collector = start(keys="required")
    body = exported(time.time_ns(), GENAI)
    told = httpx.post(f"{collector.url}/v1/traces", json=body, headers=bearer(secret), timeout=PATIENCE_S).json()
    assert told["partialSuccess"]["rejectedSpans"] == "1"
    assert "the API key is for the app 'another' alone" in told["partialSuccess"]["errorMessage"]
    assert collector.records() == []


def test_a_key_for_feedback_sends_feedback_and_nothing_else(settings: Settings, start: Start) -> None:
    secret = make_key(settings, app=APP.name, scopes=("feedback",))
    collector = start(keys="required")
    mixed = send(collector, secret, asked("r1"), judged("r2"))
    assert (mixed.status_code, [one["index"] for one in mixed.json()["rejected"]]) == (207, [0])
    (record,) = collector.records()
    assert isinstance(record, FeedbackGiven)
    assert httpx.post(f"{collector.url}/v1/traces", json={}, headers=bearer(secret)).status_code == 403
