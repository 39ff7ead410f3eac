"""Streams through a real gateway: passed on, measured, recorded, abandoned."""

import json
import time
from typing import Any

import httpx
import pytest

from schemas.inference import InferenceResponded
from tests.services.gateway.conftest import APP, Running, Start


def body(text: str, **fields: Any) -> dict[str, Any]:
    return {"model": APP, "stream": True, "messages": [{"role": "user", "content": text}], **fields}


def streamed(gateway: Running, text: str, **fields: Any) -> list[str]:
    with httpx.stream("POST", f"{gateway.url}/v1/chat/completions", json=body(text, **fields)) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        return [line.removeprefix("data: ") for line in response.iter_lines() if line]


def responded(gateway: Running) -> InferenceResponded:
    found = [event for event in gateway.events() if isinstance(event, InferenceResponded)]
    assert len(found) == 1
    return found[0]


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
    streamed(gateway, "slowly one two three")
    event = responded(gateway)
    assert event.ttft_ms is not None
    assert 50 <= event.ttft_ms < event.latency_ms - 100


def test_a_stream_that_breaks_off_ends_with_an_error_and_is_recorded_in_part(start: Start) -> None:
    gateway = start()
    chunks = streamed(gateway, "hang-up now")
    assert json.loads(chunks[-1])["error"]["type"] == "upstream_error"
    assert responded(gateway).error_type == "upstream_interrupted"
    assert responded(gateway).answer == "hang-up now "


def test_an_upstream_that_refuses_a_stream_answers_with_plain_json(start: Start) -> None:
    gateway = start()
    response = httpx.post(f"{gateway.url}/v1/chat/completions", json=body("status:429"))
    assert (response.status_code, response.headers["content-type"]) == (429, "application/json")
    assert responded(gateway).error_type == "429"


def test_a_client_that_leaves_ends_the_upstreams_work_and_is_no_error(start: Start) -> None:
    gateway = start()
    text = "slowly " + "word " * 100
    with httpx.stream("POST", f"{gateway.url}/v1/chat/completions", json=body(text)) as response:
        next(response.iter_lines())
    event = _soon(lambda: responded(gateway))
    assert (event.finish_reason, event.error_type) == ("client_disconnected", "")
    assert _soon(lambda: gateway.echo.abandoned) == 1


def test_a_client_that_leaves_a_long_call_ends_the_upstreams_work(start: Start) -> None:
    gateway = start()
    whole = {**body("sleep:4"), "stream": False}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{gateway.url}/v1/chat/completions", json=whole, timeout=1.3)
    assert _soon(lambda: responded(gateway)).finish_reason == "client_disconnected"
    assert _soon(lambda: gateway.echo.abandoned) == 1


def _soon(look: Any) -> Any:
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        try:
            if found := look():
                return found
        except AssertionError:
            pass
        time.sleep(0.02)
    return look()
