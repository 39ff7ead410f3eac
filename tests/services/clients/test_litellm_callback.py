"""LiteLLM's callback before a real collector, driven with the payloads that LiteLLM hands over."""

import asyncio
import importlib.util
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from schemas.configuration import Configuration
from schemas.inference import InferenceRequested, InferenceResponded
from schemas.record import Record
from schemas.settings import Settings
from services.clients import litellm_callback
from services.clients.litellm_callback import DriftloopCallback, Wishes, events_of
from services.collector.application import Collector, Limits, application_of
from tests.fixtures.http import Served
from tests.fixtures.ports import free_port
from tests.fixtures.waiting import PATIENCE_S, equals, until
from tests.services.collector.conftest import APP, Collecting, away

QUICK: Any = {"first_wait_s": 0.02, "longest_wait_s": 0.1, "timeout_s": PATIENCE_S, "flush_s": PATIENCE_S}
ANSWER = {
    "id": "chatcmpl-1",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}}],
    "usage": {
        "prompt_tokens": 12,
        "completion_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 3},
    },
}
KEYS = {
    "user_api_key_team_id": "team-1",
    "user_api_key_team_alias": "Guards",
    "user_api_key_alias": "ci",
    "user_api_key_hash": "88dc28d0f0",
}


def logged(**fields: Any) -> dict[str, Any]:
    """What LiteLLM hands to a callback: `kwargs` with its StandardLoggingPayload."""
    now = time.time()
    payload = {
        "id": "chatcmpl-1",
        "litellm_call_id": "call-1",
        "call_type": "acompletion",
        "status": "success",
        "stream": False,
        "custom_llm_provider": "openai",
        "model": "gpt-4o-mini",
        "model_group": "prompt-guard",
        "startTime": now - 1.5,
        "completionStartTime": now - 1.2,
        "endTime": now,
        "response_cost": 0.0003,
        "metadata": KEYS,
        "request_tags": ["nightly", "eu"],
        "end_user": "ada",
        "messages": [{"role": "user", "content": "Hello"}],
        "response": ANSWER,
        "model_parameters": {"temperature": 1, "max_tokens": 64, "seed": 7},
    }
    return {"litellm_params": {"metadata": {"session_id": "s-1"}}, "standard_logging_object": {**payload, **fields}}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Collecting]]:
    """Collectors, each with a folder of its own."""
    with ExitStack() as stack:

        def run(port: int | None = None) -> Collecting:
            data = tmp_path_factory.mktemp("collector")
            settings = Settings.from_environment({"DRIFTLOOP_DATA": str(data)})
            collector = Collector(settings, Configuration(apps=(APP,)), producer=away, limits=Limits())
            return Collecting(stack.enter_context(Served(application_of(collector), port)).url, data)

        yield run


@pytest.fixture(scope="module")
def collector(served: Callable[..., Collecting]) -> Collecting:
    return served()


@pytest.fixture
def told(collector: Collecting) -> Iterator[Callable[..., tuple[InferenceRequested, InferenceResponded]]]:
    """Log calls, and return what the collector has of the last of them."""
    callback = DriftloopCallback(Wishes(collector.url, **QUICK))
    before = len(collector.records())

    def log(*calls: dict[str, Any]) -> tuple[InferenceRequested, InferenceResponded]:
        for call in calls:
            callback.log_success_event(call, None, None, None)
        until(lambda: callback.sender.waiting, equals(0))
        return pair(collector.records()[before:][-2:])

    yield log
    callback.close()
    assert (callback.sender.dropped, callback.sender.rejected) == (0, 0)


def pair(records: list[Record]) -> tuple[InferenceRequested, InferenceResponded]:
    asked, answered = records
    assert isinstance(asked, InferenceRequested)
    assert isinstance(answered, InferenceResponded)
    return asked, answered


Told = Callable[..., tuple[InferenceRequested, InferenceResponded]]


def test_a_call_arrives_with_who_asked_what_and_what_it_cost(told: Told) -> None:
    asked, answered = told(logged())
    assert (asked.app, asked.model, asked.request_id, asked.tenant) == (
        "prompt-guard",
        "gpt-4o-mini",
        "chatcmpl-1",
        "team-1",
    )
    assert (asked.session_id, asked.prompt, answered.answer, answered.finish_reason) == ("s-1", "Hello", "Hi", "stop")
    assert asked.user_id not in ("", "ada")
    assert asked.tags["team"] == "Guards"
    assert "88dc28d0f0" not in str((asked, answered))
    assert asked.tags["tags"] == "nightly,eu"
    sampling, usage = asked.sampling, answered.usage
    assert (sampling.temperature, sampling.max_tokens, sampling.seed, sampling.stream) == (1, 64, 7, False)
    assert (usage.input_tokens, usage.cached_tokens, usage.output_tokens, usage.reasoning_tokens) == (12, 4, 5, 3)
    assert (answered.cost_usd, answered.ttft_ms, answered.error_type) == (0.0003, None, "")
    assert answered.latency_ms == pytest.approx(1500, abs=2)


def test_a_streamed_call_has_its_time_to_the_first_token(told: Told) -> None:
    asked, answered = told(logged(stream=True))
    assert asked.sampling.stream
    assert answered.ttft_ms == pytest.approx(300, abs=2)


def test_tool_calls_and_their_results_are_told(told: Told) -> None:
    call = {"id": "c-1", "type": "function", "function": {"name": "weather", "arguments": '{"at": "x"}'}}
    asks = {"role": "assistant", "content": None, "tool_calls": [call]}
    result = {"role": "tool", "tool_call_id": "c-1", "content": "rain"}
    response = ANSWER | {"choices": [{"finish_reason": "tool_calls", "message": asks}]}
    asked, answered = told(logged(messages=[{"role": "user", "content": "?"}, asks, result], response=response))
    assert answered.output is not None
    for message in (asked.messages[1], answered.output):
        assert [(c.id, c.name, c.arguments) for c in message.tool_calls] == [("c-1", "weather", '{"at": "x"}')]
    assert (asked.messages[2].tool_call_id, asked.messages[2].text) == ("c-1", "rain")
    assert answered.finish_reason == "tool_calls"


def test_an_answer_that_is_passed_back_in_as_an_object_is_read_as_its_fields(told: Told) -> None:
    class Call(BaseModel):
        id: str = "c-1"
        function: dict[str, str] = {"name": "f", "arguments": "{}"}

    class Answer(BaseModel):
        role: str = "assistant"
        content: str | None = None
        tool_calls: list[Call] = [Call()]

    asked, _ = told(logged(messages=[Answer(), {"role": "assistant", "tool_calls": [Call()]}]))
    assert [[(c.id, c.name) for c in message.tool_calls] for message in asked.messages] == [[("c-1", "f")]] * 2


def test_all_choices_and_the_reasoning_are_told(told: Told) -> None:
    choices = [{"message": {"content": text, "reasoning_content": f"Hm {text}."}} for text in ("a", "b")]
    _, answered = told(logged(response=ANSWER | {"choices": choices}))
    assert (answered.answer, answered.reasoning) == ("a", "Hm a.")
    assert [(choice.output.text, choice.reasoning) for choice in answered.choices] == [("b", "Hm b.")]


def test_the_items_of_the_responses_api_are_told(told: Told) -> None:
    output = [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi"}]},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
    ]
    usage = {"input_tokens": 9, "output_tokens": 2, "input_tokens_details": {"cached_tokens": 1}}
    items = [
        {"role": "user", "content": [{"type": "input_text", "text": "Hello"}]},
        {"type": "function_call_output", "call_id": "c", "output": "3"},
    ]
    asked, answered = told(logged(messages=items, response={"output": output, "status": "completed", "usage": usage}))
    assert [(message.role, message.text) for message in asked.messages] == [("user", "Hello"), ("tool", "3")]
    assert (answered.answer, answered.reasoning, answered.finish_reason) == ("Hi", "Hm.", "tool_calls")
    assert answered.output is not None
    assert answered.output.tool_calls[0].name == "f"
    assert (answered.usage.input_tokens, answered.usage.cached_tokens) == (9, 1)


def test_a_failed_call_is_told_without_the_keys_in_its_message(told: Told) -> None:
    said = "AuthenticationError: Incorrect API key provided: sk-abc123456789, not s3cr3t-of-azure"
    error = {"error_code": "401", "error_class": "AuthenticationError", "error_message": said}
    call = logged(status="failure", error_information=error, response=None) | {"api_key": "s3cr3t-of-azure"}
    _, answered = told(call)
    assert (answered.error_type, answered.upstream_error_type, answered.output) == ("401", "AuthenticationError", None)
    assert answered.error_message == "AuthenticationError: Incorrect API key provided: ***, not ***"


def test_metadata_names_app_version_and_trace(told: Told) -> None:
    headers = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    metadata = {"driftloop_app": "prompt-guard", "driftloop_adapter_version": "v7", "session_id": "s-2"}
    call = logged(model_group="else", metadata=KEYS | {"requester_metadata": metadata})
    call["litellm_params"]["proxy_server_request"] = {"headers": headers}
    asked, _ = told(call)
    assert (asked.app, asked.adapter_version, asked.session_id) == ("prompt-guard", "v7", "s-2")
    assert (asked.trace_id, asked.span_id) == ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")


@pytest.mark.parametrize(
    ("odd", "texts"),
    [
        ({"messages": "Once"}, ["Once"]),
        ({"messages": ["Once", "Twice"]}, ["Once", "Twice"]),
        ({"messages": None, "response": "redacted-by-litellm"}, []),
        ({"messages": [{"role": "critic", "content": "half \ud83d"}]}, ["half \ufffd"]),
        ({"messages": [{"content": ["a", {"type": "text", "text": "b"}, {"type": "video_url"}]}]}, ["a\nb"]),
        ({"response": {"data": [{"embedding": [0.5]}]}, "response_cost": None}, ["Hello"]),
        ({"response": [], "model_parameters": {"max_tokens": 64.5, "temperature": "hot", "seed": None}}, ["Hello"]),
        ({"messages": [7, {"content": 8, "tool_calls": [9, "f"]}, {"tool_calls": "f"}]}, ["", "8", ""]),
        ({"response": {"choices": [3], "usage": [4]}, "error_information": 5, "request_tags": 6}, ["Hello"]),
        ({"model_parameters": {"seed": 2**70, "max_tokens": float("nan"), "top_p": float("inf")}}, ["Hello"]),
        ({"response_cost": float("nan"), "endTime": None, "completionStartTime": None, "stream": True}, ["Hello"]),
        ({"id": "r" * 300, "metadata": None, "request_tags": None, "end_user": 7}, ["Hello"]),
        ({"messages": [{"role": "user", "content": "x" * 2_000_000}]}, ["x" * 60_000]),
    ],
)  # fmt: skip
def test_odd_payloads_arrive(told: Told, odd: dict[str, Any], texts: list[str]) -> None:
    asked, answered = told(logged(**odd))
    assert [message.text for message in asked.messages] == texts
    assert answered.request_id == asked.request_id


def test_of_an_image_in_the_message_only_its_kind_is_told(told: Told) -> None:
    parts = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}, {"type": "text", "text": "?"}]
    asked, _ = told(logged(messages=[{"role": "user", "content": parts}]))
    assert "AAAA" not in str(asked)
    assert asked.prompt == "?"


def test_a_call_that_is_logged_twice_is_the_same_events_again() -> None:
    call = logged()
    assert events_of(call, "") == events_of(call, "")
    other = logged(litellm_call_id="call-2")
    assert events_of(other, "")[0] != events_of(call, "")[0]


def test_calls_wait_while_the_collector_is_away_and_all_arrive_once_it_is_there(
    served: Callable[..., Collecting], caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    callback = DriftloopCallback(Wishes(f"http://127.0.0.1:{port}", **QUICK))

    async def log_all() -> None:
        for number in range(50):
            await callback.async_log_success_event(logged(litellm_call_id=f"call-{number}", id=f"r-{number}"), 0, 0, 0)

    started = time.perf_counter()
    asyncio.run(log_all())
    assert time.perf_counter() - started < PATIENCE_S / 10
    until(lambda: "does not take calls" in caplog.text)
    assert callback.sender.waiting == 50
    collector = served(port)
    until(lambda: callback.sender.waiting, equals(0))
    answered = [record.request_id for record in collector.records() if isinstance(record, InferenceResponded)]
    assert answered == [f"r-{number}" for number in range(50)]
    callback.close()
    assert caplog.text.count("does not take calls") == caplog.text.count("takes calls again") == 1


def test_what_does_not_fit_in_the_queue_is_counted_and_told_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    wishes = QUICK | {"flush_s": 0.2}
    callback = DriftloopCallback(Wishes(f"http://127.0.0.1:{free_port()}", waiting_bytes=10_000, **wishes))
    for number in range(20):
        callback.log_success_event(logged(litellm_call_id=f"call-{number}"), None, None, None)
    fit = callback.sender.waiting
    assert 0 < fit < 20
    assert callback.sender.dropped == 20 - fit
    callback.close()
    assert callback.sender.dropped == 20
    lines = [record.getMessage() for record in caplog.records if "dropped" in record.getMessage()]
    assert lines[-1].startswith("driftloop: 20 calls dropped")
    assert len(lines) <= 2
    assert "Hello" not in caplog.text


def test_the_end_of_the_process_waits_for_what_is_queued_and_later_calls_are_sent_there_and_then(
    served: Callable[..., Collecting],
) -> None:
    collector = served()
    callback = DriftloopCallback(Wishes(collector.url, **QUICK))
    for number in range(100):
        callback.log_success_event(logged(litellm_call_id=f"call-{number}"), None, None, None)
    callback.close()
    assert len(collector.records()) == 200
    callback.log_success_event(logged(litellm_call_id="last"), None, None, None)
    assert len(collector.records()) == 202


def test_what_the_collector_refuses_is_counted_and_costs_no_other(
    collector: Collecting, caplog: pytest.LogCaptureFixture
) -> None:
    before = len(collector.records())
    callback = DriftloopCallback(Wishes(collector.url, **QUICK))
    for group in ("nobody", "prompt-guard"):
        callback.log_failure_event(logged(model_group=group, status="failure"), None, None, None)
    callback.close()
    assert len(collector.records()) - before == 2
    assert callback.sender.rejected == 2
    assert "2 events rejected so far; last reason: no app is called 'nobody'" in caplog.text


def test_a_collector_that_asks_for_patience_gets_it_and_the_key_is_sent() -> None:
    seen: list[tuple[float, str | None]] = []

    async def events(request: Request) -> Response:
        seen.append((time.monotonic(), request.headers.get("authorization")))
        elements = await request.json()
        if len(seen) == 1:
            return Response(status_code=503, headers={"Retry-After": "1"})
        return JSONResponse({"accepted": len(elements), "rejected": []}, 202)

    with Served(Starlette(routes=[Route("/driftloop/v1/events", events, methods=["POST"])])) as there:
        wishes = QUICK | {"longest_wait_s": 5.0}
        callback = DriftloopCallback(Wishes(there.url + "/driftloop/", key="k-1", **wishes))
        callback.log_success_event(logged(), None, None, None)
        until(lambda: callback.sender.waiting, equals(0))
        callback.close()
    assert [key for _, key in seen] == ["Bearer k-1"] * 2
    assert seen[1][0] - seen[0][0] >= 1


@pytest.mark.parametrize("odd", [{}, {"standard_logging_object": None}, {"standard_logging_object": {"id": "x"}}])
def test_what_cannot_be_read_is_told_once_and_raises_nothing(
    odd: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    callback = DriftloopCallback(Wishes())
    for _ in range(3):
        callback.log_success_event(odd, None, None, None)
    assert len([record for record in caplog.records if record.levelno == logging.WARNING]) == 1
    callback.close()


def test_the_environment_says_where_calls_go() -> None:
    said = {"DRIFTLOOP_COLLECTOR_URL": "https://c", "DRIFTLOOP_APP": "a", "DRIFTLOOP_KEY": "k"}
    assert Wishes.from_environment(said) == Wishes("https://c", "a", "k")
    with pytest.raises(ValueError, match="DRIFTLOOP_COLLECTOR_URL is no http"):
        Wishes.from_environment({"DRIFTLOOP_COLLECTOR_URL": "collector:1"})


def test_a_copy_beside_the_proxys_configuration_needs_nothing_of_the_product(tmp_path: Path) -> None:
    """LiteLLM executes the file without making a module of it known."""
    copy = tmp_path / "driftloop_callback.py"
    copy.write_text(Path(litellm_callback.__file__).read_text())
    spec = importlib.util.spec_from_file_location("driftloop_callback", copy)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.driftloop.sender.wishes.url == "http://127.0.0.1:18090"
