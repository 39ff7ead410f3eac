"""Streams through a real gateway: passed on, measured, recorded, abandoned."""

import json
import time
from contextlib import AbstractContextManager, closing
from http.client import HTTPConnection
from typing import Any

import httpx

from schemas.inference import InferenceResponded
from tests.fixtures.waiting import PATIENCE_S, until
from tests.services.gateway.conftest import APP, Running, Start


def body(text: str, **fields: Any) -> dict[str, Any]:
    return {"model": APP, "stream": True, "messages": [{"role": "user", "content": text}], **fields}


def streaming(gateway: Running, text: str, **fields: Any) -> AbstractContextManager[httpx.Response]:
    url = f"{gateway.url}/v1/chat/completions"
    return httpx.stream("POST", url, json=body(text, **fields), timeout=PATIENCE_S)


def streamed(gateway: Running, text: str, **fields: Any) -> list[str]:
    with streaming(gateway, text, **fields) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        return [line.removeprefix("data: ") for line in response.iter_lines() if line]


def responded(gateway: Running) -> InferenceResponded:
    (found,) = answers(gateway)
    return found


def answers(gateway: Running) -> list[InferenceResponded]:
    return [event for event in gateway.events() if isinstance(event, InferenceResponded)]


def test_a_stream_is_passed_on_word_by_word_and_recorded_whole(start: Start) -> None:
    gateway = start()
    *chunks, done = streamed(gateway, "one two three")
    parsed = [json.loads(chunk) for chunk in chunks]
    event = responded(gateway)
    assert done == "[DONE]"
    assert {chunk["id"] for chunk in parsed} == {event.request_id}
    assert {chunk["model"] for chunk in parsed} == {APP}
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in parsed) == "one two three "
    assert event.answer == "one two three "
    assert (event.finish_reason, event.usage.output_tokens, event.error_type) == ("stop", 3, "")


def test_usage_reaches_the_client_only_when_asked_for_but_always_the_record(start: Start) -> None:
    gateway = start()
    assert not any("usage" in chunk for chunk in streamed(gateway, "x"))
    asked = streamed(gateway, "x", stream_options={"include_usage": True})
    assert json.loads(asked[-2])["usage"]["prompt_tokens"] == 7


def test_the_first_token_is_timed_at_its_first_content(start: Start) -> None:
    gateway = start()
    with streaming(gateway, "held one two three") as response:
        lines = response.iter_lines()
        while '"held ' not in next(lines):
            pass
        time.sleep(0.1)
        gateway.echo.released.set()
        assert list(lines)
    event = responded(gateway)
    assert event.ttft_ms is not None
    assert 50 <= event.ttft_ms <= event.latency_ms - 100


def test_a_stream_that_breaks_off_ends_with_an_error_and_is_recorded_in_part(start: Start) -> None:
    gateway = start()
    chunks = streamed(gateway, "hang-up now")
    assert json.loads(chunks[-1])["error"]["type"] == "upstream_error"
    assert responded(gateway).error_type == "upstream_interrupted"
    assert responded(gateway).answer == "hang-up now "


def test_an_upstream_that_refuses_a_stream_answers_with_plain_json(start: Start) -> None:
    gateway = start()
    response = httpx.post(f"{gateway.url}/v1/chat/completions", json=body("status:429"), timeout=PATIENCE_S)
    assert (response.status_code, response.headers["content-type"]) == (429, "application/json")
    assert responded(gateway).error_type == "429"


def test_a_client_that_leaves_ends_the_upstreams_work_and_is_no_error(start: Start) -> None:
    gateway = start()
    with streaming(gateway, "slowly " + "word " * 20_000) as response:
        next(response.iter_lines())
    (event,) = until(lambda: answers(gateway))
    assert (event.finish_reason, event.error_type) == ("client_disconnected", "")
    assert until(lambda: gateway.echo.abandoned) == 1


def test_a_client_that_leaves_a_long_call_ends_the_upstreams_work(start: Start) -> None:
    gateway = start(read_s=3600)
    with closing(HTTPConnection(httpx.URL(gateway.url).netloc.decode())) as client:
        client.request("POST", "/v1/chat/completions", json.dumps({**body("sleep:3600"), "stream": False}))
        until(lambda: gateway.echo.bodies)
    (event,) = until(lambda: answers(gateway))
    assert event.finish_reason == "client_disconnected"
    assert until(lambda: gateway.echo.abandoned) == 1
