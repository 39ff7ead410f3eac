"""Calls that KServe's logger tells of: three modes of CloudEvents, two halves, the bodies of its runtimes."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import given

from schemas.inference import InferenceRequested, InferenceResponded
from schemas.record import Record
from services.collector.judging import judged_events
from services.collector.kserve.calls import KServeCalls
from services.collector.verdicts import Verdicts
from services.parts.ingress.identity import new_event_id
from tests.services.collector.conftest import APP, Start
from tests.services.collector.judge import ADMISSION
from tests.services.collector.kserve.logged import (
    ATTRIBUTES,
    BEGUN,
    CHAT_ANSWERED,
    CHAT_ASKED,
    answered,
    asked,
    sent_binary,
)
from tests.services.collector.test_events import BATCH, SINGLE, feedback, send
from tests.services.collector.test_neighbours import PROPERTY, Numbers, request_ids, spoilt

STREAM = "".join(
    f"data: {json.dumps(chunk)}\n\n"
    for chunk in (
        {"id": "chatcmpl-1", "model": APP.name, "choices": [{"delta": {"role": "assistant", "content": "sa"}}]},
        {"id": "chatcmpl-1", "choices": [{"delta": {"content": "fe"}, "finish_reason": "stop"}]},
        {"id": "chatcmpl-1", "choices": [], "usage": {"prompt_tokens": 100, "completion_tokens": 20}},
    )
)


def judged(kserve: KServeCalls, *events: dict[str, Any]) -> Verdicts:
    return judged_events(
        json.dumps(events).encode(), BATCH, ADMISSION, kserve, now=datetime.now(UTC), new_id=new_event_id
    )


def taken(*events: dict[str, Any]) -> tuple[Record, ...]:
    verdicts = judged(KServeCalls({APP.name: APP}), *events)
    assert verdicts.rejections == ()
    return verdicts.records


def last_answer(records: Sequence[Record]) -> InferenceResponded:
    return [record for record in records if isinstance(record, InferenceResponded)][-1]


def test_two_halves_in_binary_mode_are_one_call(start: Start) -> None:
    collector = start()
    for half in (asked("c-1", json.dumps(CHAT_ASKED)), answered("c-1", json.dumps(CHAT_ANSWERED))):
        assert sent_binary(collector, half).status_code == 202
    request, response = collector.records()
    assert isinstance(request, InferenceRequested)
    assert isinstance(response, InferenceResponded)
    assert request.request_id == response.request_id == "c-1"
    assert (response.app, response.model, response.adapter_version) == (APP.name, "base", "")
    assert request.messages == response.messages
    assert (response.prompt, response.answer, response.finish_reason) == ("is it safe?", "safe", "stop")
    assert (response.usage.input_tokens, response.usage.output_tokens, response.usage.cached_tokens) == (100, 20, 40)
    assert (response.latency_ms, response.occurred_at.timestamp()) == (1500, BEGUN.timestamp() + 1.5)
    assert response.cost_usd == pytest.approx((100 + 40) / 1e6)
    assert (request.sampling.max_tokens, len(request.user_id)) == (64, 32)
    assert response.tags["namespace"] == "models"
    assert response.tags["response_id"] == CHAT_ANSWERED["id"]


@pytest.mark.parametrize("content_type", [SINGLE, BATCH])
def test_a_half_in_structured_mode_and_in_a_batch_is_the_same_event(start: Start, content_type: str) -> None:
    collector = start()
    sent_binary(collector, asked("c-1", json.dumps(CHAT_ASKED)))
    body = asked("c-1") if content_type == SINGLE else [asked("c-1"), feedback(1)]
    assert send(collector, json.dumps(body).encode(), content_type).status_code == 202
    records = collector.records()
    assert records[0] == records[1]


def test_an_answer_that_comes_first_is_kept_and_told_again_whole_as_the_same_event() -> None:
    early, request, whole = taken(answered("c-1"), asked("c-1"))
    assert isinstance(early, InferenceResponded)
    assert isinstance(whole, InferenceResponded)
    assert (early.messages, early.answer) == ((), "safe")
    assert (early.event_id, early.occurred_at) == (whole.event_id, whole.occurred_at)
    assert whole.messages == request.messages  # type: ignore[attr-defined]  # the request's


def test_halves_that_come_again_are_the_same_events() -> None:
    once = taken(asked("c-1"), answered("c-1"))
    twice = taken(asked("c-1"), answered("c-1"), asked("c-1"), answered("c-1"))
    assert set(map(repr, twice)) == set(map(repr, once))


def test_calls_of_other_ids_and_services_stay_apart() -> None:
    records = taken(asked("c-1"), answered("c-2"), answered("c-1", namespace="other"))
    assert [getattr(record, "prompt", "") for record in records] == ["is it safe?", "", ""]


def test_a_stream_that_was_logged_as_its_events_is_one_answer(start: Start) -> None:
    collector = start()
    assert sent_binary(collector, answered("c-1", STREAM), "text/event-stream").status_code == 202
    (response,) = collector.records()
    assert isinstance(response, InferenceResponded)
    assert (response.answer, response.finish_reason, response.usage.input_tokens) == ("safe", "stop", 100)


def test_a_streamed_tool_call_is_put_together() -> None:
    calls = ({"index": 0, "id": "t", "function": {"name": "look"}}, {"index": 0, "function": {"arguments": "{}"}})
    stream = "".join(f"data: {json.dumps({'choices': [{'delta': {'tool_calls': [call]}}]})}\n\n" for call in calls)
    output = last_answer(taken(answered("c-1", stream))).output
    assert output is not None
    assert [(call.id, call.name, call.arguments) for call in output.tool_calls] == [("t", "look", "{}")]


@pytest.mark.parametrize(
    ("request_body", "answer_body", "prompt", "answer"),
    [
        ({"model": APP.name, "prompt": "hi"}, {"choices": [{"text": "ho", "finish_reason": "stop"}]}, "hi", "ho"),
        ({"instances": ["hi"]}, {"predictions": ["ho"]}, "hi", "ho"),
        ({"instances": [{"text": "1"}, {"text": "2"}]}, {"predictions": [{"label": "a"}, {"label": "b"}]}, "2", "a\nb"),
        (
            {"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["hi"]}]},
            {"model_name": APP.name, "outputs": [{"name": "out", "datatype": "BYTES", "data": ["ho"]}]},
            "hi",
            "ho",
        ),
        ({"instances": [[0.1, 0.2]]}, {"predictions": [1]}, "", "[1]"),
        ([7], "no stream", "", ""),
    ],
    ids=["completion", "v1", "v1-objects", "v2", "v1-numbers", "unknown"],
)
def test_bodies_of_every_protocol_are_read_as_far_as_they_are_texts(
    request_body: object, answer_body: object, prompt: str, answer: str
) -> None:
    response = last_answer(taken(asked("c-1", request_body), answered("c-1", answer_body)))
    assert (response.prompt, response.answer, response.app) == (prompt, answer, APP.name)


def test_an_error_is_a_failed_call() -> None:
    response = last_answer(taken(answered("c-1", {"error": {"type": "BadRequestError", "message": "no"}})))
    assert (response.error_type, response.output) == ("BadRequestError", None)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (asked("c-1", {}, inferenceservicename="other"), "inferenceservicename"),
        (asked("", {}), "needs id"),
        (asked("c-1", {}, type="org.kubeflow.serving.inference.other"), "type is none of"),
        (asked("c-1", {}, time="2026-01-01T00:00:00"), "no offset"),
        (asked("c-1", {}, data_base64="#"), "not base64"),
        (asked("c-1", {}, namespace=7), "invalid"),
    ],
)
def test_what_is_no_half_is_rejected_with_its_reason(event: dict[str, Any], reason: str) -> None:
    (rejection,) = judged(KServeCalls({APP.name: APP}), event).rejections
    assert reason in rejection.reason


def test_a_half_that_was_not_taken_spoils_no_other() -> None:
    verdicts = judged(KServeCalls({APP.name: APP}), asked("c-1", time="2001-01-01T00:00:00Z"), answered("c-1"))
    assert [rejection.index for rejection in verdicts.rejections] == [0]
    assert last_answer(verdicts.records).latency_ms == 0


@pytest.mark.parametrize("bound", [{"calls": 2}, {"size": 2500}])
def test_memory_of_halves_is_bounded(bound: dict[str, int]) -> None:
    kserve = KServeCalls({APP.name: APP}, **bound)
    judged(kserve, *[asked(f"c-{number}") for number in range(9)])
    first, last = (last_answer(judged(kserve, answered(f"c-{number}")).records) for number in (0, 8))
    assert (first.prompt, last.prompt) == ("", "is it safe?")


def test_an_event_of_our_own_is_taken_in_binary_mode_too(start: Start) -> None:
    collector = start()
    event = {**feedback(1), "data": json.dumps(feedback(1)["data"])}
    assert sent_binary(collector, event).status_code == 202
    assert request_ids(collector) == ["r-1"]


def test_half_an_emoji_in_a_body_in_binary_mode_costs_itself(start: Start) -> None:
    collector = start()
    body = json.dumps(CHAT_ASKED).replace("is it safe?", "cut \\ud83d")
    assert sent_binary(collector, asked("c-1", body)).status_code == 202
    assert getattr(collector.records()[0], "prompt", "") == "cut �"


@pytest.mark.parametrize("half", [asked("odd"), answered("odd")], ids=["request", "response"])
def test_a_good_half_beside_any_other_is_stored(start: Start, half: dict[str, Any]) -> None:
    collector, numbers = start(), Numbers()
    with httpx.Client() as sender:

        @PROPERTY
        @given(odd=spoilt(half))
        def stored(odd: Any) -> None:
            left, right = numbers.pair()
            before = len(collector.records())
            response = sender.post(
                f"{collector.url}/v1/events",
                content=json.dumps([asked(left), odd, answered(right)]),
                headers={"content-type": BATCH},
            )
            found = request_ids(collector)[before:]
            assert response.status_code in (202, 207)
            assert "not readable" not in response.text
            assert (found[0], found[-1], len(found)) == (left, right, response.json()["accepted"])

        stored()


@given(body=spoilt(CHAT_ASKED) | spoilt(CHAT_ANSWERED))
def test_any_body_of_a_known_service_is_recorded(body: Any) -> None:
    verdicts = judged(KServeCalls({APP.name: APP}), {**ATTRIBUTES, **asked("c-1", body)}, answered("c-1", body))
    assert all("not readable" not in rejection.reason for rejection in verdicts.rejections)
