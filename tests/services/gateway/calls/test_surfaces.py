"""Every surface of the API: recorded ones, those passed through, and Azure's paths to them."""

import json
from typing import Any

import httpx
import pytest

from schemas.inference import InferenceResponded
from schemas.learning import Route
from tests.services.gateway.behind import ASKED, Before, answer
from tests.services.gateway.canned import EVENTS
from tests.services.gateway.conftest import APP, Start

USAGE = {"prompt_tokens": 12, "completion_tokens": 2, "total_tokens": 14}


def completion(**fields: Any) -> dict[str, Any]:
    choice = {"index": 0, "text": "Hi", "finish_reason": "stop", "logprobs": None}
    return {
        "id": "up-1",
        "object": "text_completion",
        "model": "echo-base",
        "choices": [choice],
        "usage": USAGE,
    } | fields


@pytest.mark.parametrize(
    ("prompt", "texts"),
    [("Once", ["Once"]), (["Once", "Twice"], ["Once", "Twice"]), ([1, 2], ["[1,2]"]), ([[1], [2]], ["[1]", "[2]"])],
)
def test_a_text_completion_is_recorded_with_its_prompts(before: Before, prompt: object, texts: list[str]) -> None:
    behind = before(completion())
    response = behind.post({"model": APP, "prompt": prompt}, "/v1/completions")
    asked, answered = behind.told()
    assert behind.sent.path == "/v1/completions"
    assert [message.text for message in asked.messages] == texts
    assert (answered.answer, answered.finish_reason, answered.usage.input_tokens) == ("Hi", "stop", 12)
    assert response.json()["id"] == asked.request_id
    assert asked.request_id.startswith("cmpl-")


def test_a_streamed_text_completion_is_recorded_whole(before: Before) -> None:
    def piece(text: str, reason: str | None) -> bytes:
        return (
            b"data: "
            + json.dumps(completion(choices=[{"index": 0, "text": text, "finish_reason": reason}])).encode()
            + b"\n\n"
        )

    behind = before(piece("H", None), piece("i", "stop"), b"data: [DONE]\n\n", headers=EVENTS)
    behind.post({"model": APP, "prompt": "Once", "stream": True}, "/v1/completions")
    assert (behind.told()[1].answer, behind.told()[1].error_type) == ("Hi", "")


def test_embeddings_are_recorded_with_their_texts_and_without_vectors(before: Before) -> None:
    vectors = [{"object": "embedding", "index": 0, "embedding": [0.25, -1e-3]}]
    said = {"object": "list", "data": vectors, "model": "echo-base", "usage": {"prompt_tokens": 5, "total_tokens": 5}}
    behind = before(said)
    response = behind.post({"model": APP, "input": ["one", "two"]}, "/v1/embeddings")
    asked, answered = behind.told()
    assert response.json() == said | {"model": APP}
    assert [message.text for message in asked.messages] == ["one", "two"]
    assert (answered.output, answered.error_type, answered.usage.input_tokens) == (None, "", 5)
    assert b"0.25" not in str(answered).encode()


def response_of(**fields: Any) -> dict[str, Any]:
    text = {"type": "output_text", "text": "Hi", "annotations": []}
    output = [
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}]},
        {"type": "message", "id": "msg_1", "role": "assistant", "content": [text]},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
    ]
    usage = {
        "input_tokens": 12,
        "input_tokens_details": {"cached_tokens": 4},
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 3},
    }
    whole = {"id": "resp_up", "object": "response", "status": "completed", "model": "echo-base", "output": output}
    return whole | {"usage": usage, "previous_response_id": None} | fields


ITEMS = [
    {"role": "user", "content": [{"type": "input_text", "text": "Hello"}]},
    {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c", "output": "3"},
    {"role": "user", "content": "And now?"},
]


def test_a_response_is_recorded_with_its_items(before: Before) -> None:
    behind = before(response_of())
    behind.post({"model": APP, "instructions": "Be kind.", "input": ITEMS, "max_output_tokens": 9}, "/v1/responses")
    asked, answered = behind.told()
    assert [(message.role, message.text) for message in asked.messages] == [
        ("system", "Be kind."),
        ("user", "Hello"),
        ("assistant", ""),
        ("tool", "3"),
        ("user", "And now?"),
    ]
    assert asked.sampling.max_tokens == 9
    assert answered.output is not None
    assert (answered.answer, answered.reasoning, answered.finish_reason) == ("Hi", "Hm.", "tool_calls")
    assert answered.output.tool_calls[0].name == "f"
    usage = answered.usage
    assert (usage.input_tokens, usage.cached_tokens, usage.output_tokens, usage.reasoning_tokens) == (12, 4, 7, 3)


def test_the_id_of_a_response_is_good_for_the_next_one_for_its_address_and_for_feedback(before: Before) -> None:
    behind = before(response_of())
    first = behind.post({"model": APP, "input": "Hello"}, "/v1/responses").json()["id"]
    behind.post({"model": APP, "input": "And?", "previous_response_id": first}, "/v1/responses")
    assert json.loads(behind.sent.body)["previous_response_id"] == "resp_up"
    httpx.get(f"{behind.gateway.url}/v1/responses/{first}/input_items")
    assert behind.sent.path == "/v1/responses/resp_up/input_items"
    feedback = {"request_id": first, "label": "safe"}
    assert httpx.post(f"{behind.gateway.url}/v1/feedback", json=feedback).status_code == 202
    asked, *_, judged = behind.gateway.events()
    assert judged.request_id == asked.request_id  # type: ignore[attr-defined]  # a request and feedback


def event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind} | fields)}\n\n".encode()


HEAD = event("response.created", response=response_of(status="in_progress", output=[], usage=None))
WORDS = event("response.output_text.delta", delta="H") + event("response.output_text.delta", delta="i")


def test_a_streamed_response_is_passed_on_by_events_and_recorded_from_its_last(before: Before) -> None:
    stream = HEAD + WORDS + event("response.completed", response=response_of())
    behind = before(stream, headers=EVENTS)
    response = behind.post({"model": APP, "input": "Hello", "stream": True}, "/v1/responses")
    asked, answered = behind.told()
    expected = stream.replace(b'"resp_up"', b'"%s.resp_up"' % asked.request_id.encode())
    assert response.content == expected.replace(b'"echo-base"', b'"prompt-guard"')
    assert (answered.answer, answered.usage.input_tokens, answered.error_type) == ("Hi", 12, "")
    assert answered.ttft_ms is not None


def test_a_streamed_response_that_fails_or_breaks_off_is_recorded_as_that(before: Before) -> None:
    failed = response_of(status="failed", output=[], error={"code": "server_error", "message": "no"})
    behind = before(HEAD + WORDS + event("response.failed", response=failed), headers=EVENTS)
    behind.post({"model": APP, "input": "Hello", "stream": True}, "/v1/responses")
    assert (behind.told()[1].error_type, behind.told()[1].error_message) == ("server_error", "no")


def test_a_streamed_response_that_breaks_off_ends_with_an_error_event(before: Before) -> None:
    behind = before(HEAD + WORDS, headers=EVENTS, breaks=True)
    response = behind.post({"model": APP, "input": "Hello", "stream": True}, "/v1/responses")
    assert b'event: error\ndata: {"type":"error","code":"upstream_interrupted"' in response.content
    assert (behind.told()[1].answer, behind.told()[1].error_type) == ("Hi", "upstream_interrupted")


def test_an_azure_path_names_the_app_and_goes_out_as_an_azure_path(before: Before) -> None:
    behind = before(answer())
    path = f"/openai/deployments/{APP}/chat/completions?api-version=2024-10-21"
    response = behind.post({"messages": ASKED["messages"]}, path, api_key="azure-key")
    assert response.json()["id"] == behind.told()[0].request_id
    sent = behind.sent
    assert (sent.path, sent.query) == ("/openai/deployments/echo-base/chat/completions", "api-version=2024-10-21")
    assert sent.headers["api-key"] == "azure-key"
    assert json.loads(sent.body) == {"messages": ASKED["messages"]}


def test_azures_newer_paths_are_served_like_ours(before: Before) -> None:
    behind = before(answer())
    assert behind.post(ASKED, "/openai/v1/chat/completions?api-version=preview").status_code == 200
    assert behind.sent.path == "/openai/v1/chat/completions"
    assert behind.told()[1].answer == "Hi"


@pytest.mark.parametrize(
    ("method", "path", "content_type", "body", "sent"),
    [
        ("POST", "/v1/rerank", "application/json", b'{"model":"prompt-guard","q":1}', b'{"model":"v1","q":1}'),
        ("POST", "/v1/tokenize?a=b%20c", "application/json", b'{"prompt": "x"}', b'{"prompt": "x"}'),
        ("POST", "/v1/audio/transcriptions", "multipart/form-data; boundary=b",
         b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nprompt-guard\r\n--b--\r\n',
         b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nv1\r\n--b--\r\n'),
        ("DELETE", "/v1/files/file-1%2F2", "", b"", b""),
        ("GET", "/v1/fine_tuning/jobs?limit=2", "", b"", b""),
        ("PUT", "/v1/anything", "application/octet-stream", b"\x00\xff", b"\x00\xff"),
    ],
)  # fmt: skip
def test_any_other_path_is_passed_through_and_counted_and_not_recorded(
    before: Before, method: str, path: str, content_type: str, body: bytes, sent: bytes
) -> None:
    stable = Route(adapter_version="v1", variant="stable", weight=1.0)
    said = [(b"content-type", b"x/y"), (b"x-odd", b"1")]
    behind = before(b"\x00as it came", status=207, headers=said, routes=[stable])
    headers = {"content-type": content_type} if content_type else {}
    response = httpx.request(method, behind.gateway.url + path, content=body, headers=headers)
    assert (response.status_code, response.content, response.headers["x-odd"]) == (207, b"\x00as it came", "1")
    got = behind.sent
    assert (got.method, got.body) == (method, sent)
    assert got.path + ("?" + got.query if got.query else "") == path
    assert behind.gateway.events() == []
    assert behind.metric("driftloop_gateway_passed_total") == 1


@pytest.mark.parametrize(
    "path",
    [
        "/v1/load_lora_adapter",
        "/v1/unload_lora_adapter",
        "/v1/%6coad_lora_adapter",
        "/v1//load_lora_adapter/",
        "/v1/x/%2e%2e/load",
        "/openai/v1/load_lora_adapter",
    ],
)
def test_the_addresses_that_decide_what_is_served_stay_closed(before: Before, path: str) -> None:
    behind = before(b"done")
    assert behind.post(ASKED, path).status_code == 404
    assert behind.upstream.sent == []


def test_one_app_is_shown_under_its_own_address(start: Start) -> None:
    gateway = start()
    assert httpx.get(f"{gateway.url}/v1/models/{APP}").json()["id"] == APP
    assert httpx.get(f"{gateway.url}/v1/models/nobody").status_code == 404


def test_an_answer_tells_the_id_for_feedback_in_a_header_too(before: Before) -> None:
    behind = before(b"[]")
    response = behind.post(ASKED)
    answered = behind.gateway.events()[-1]
    assert isinstance(answered, InferenceResponded)
    assert response.headers["x-driftloop-request-id"] == answered.request_id
