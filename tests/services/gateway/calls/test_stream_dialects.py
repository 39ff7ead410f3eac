"""Streams of every dialect, passed on as they came and heard along the way."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.inference import InferenceResponded, ToolCall
from tests.services.gateway.behind import ASKED, Before, Behind
from tests.services.gateway.canned import EVENTS

STREAM = ASKED | {"stream": True}
DONE = b"data: [DONE]\n\n"
USAGE = {"prompt_tokens": 12, "completion_tokens": 2, "total_tokens": 14}


def chunk(**fields: Any) -> bytes:
    head = {"id": "up-1", "object": "chat.completion.chunk", "created": 1760000000, "model": "base"}
    return b"data: " + json.dumps(head | fields).encode() + b"\n\n"


def delta(finish_reason: str | None = None, **said: Any) -> bytes:
    return chunk(choices=[{"index": 0, "delta": said, "finish_reason": finish_reason}])


def readdressed(stream: bytes, request_id: str) -> bytes:
    named = stream.replace(b'"id": "up-1"', b'"id": "%s"' % request_id.encode())
    return named.replace(b'"model": "base"', b'"model": "prompt-guard"')


HELLO = delta(role="assistant", content="Hel") + delta(content="lo")
STOP = delta("stop")
ONLY_USAGE = chunk(choices=[], usage=USAGE)


@pytest.mark.parametrize(
    ("stream", "added"),
    [
        (HELLO + STOP + chunk(choices=[], usage=USAGE), DONE),
        (HELLO + STOP + ONLY_USAGE + b"data: [DONE]", b"\n\n"),
        (HELLO + STOP + chunk(usage=USAGE) + DONE, b""),
        (HELLO + STOP + chunk(choices=None, usage=USAGE) + DONE, b""),
        (HELLO + delta("stop", content="") + chunk(choices=[], usage=USAGE) + b"data: [DONE]\n", b"\n"),
    ],
)
def test_a_stream_that_ends_in_its_own_way_after_a_finish_reason_is_whole(
    before: Before, stream: bytes, added: bytes
) -> None:
    behind = before(stream, headers=EVENTS)
    response = behind.post(STREAM | {"stream_options": {"include_usage": True}})
    asked, answered = behind.told()
    assert response.content == readdressed(stream, asked.request_id) + added
    assert (answered.answer, answered.finish_reason, answered.error_type) == ("Hello", "stop", "")
    assert (answered.usage.input_tokens, answered.usage.output_tokens) == (12, 2)


@pytest.mark.parametrize("usage", [ONLY_USAGE, chunk(usage=USAGE), chunk(choices=None, usage=USAGE)])
def test_usage_that_only_we_asked_for_reaches_the_record_and_not_the_client(before: Before, usage: bytes) -> None:
    nulls = b"".join((HELLO + STOP).replace(b"}\n\n", b', "usage": null}\n\n').splitlines(True))
    behind = before(nulls, usage, DONE, headers=EVENTS)
    response = behind.post(STREAM)
    asked, answered = behind.told()
    assert json.loads(behind.sent.body)["stream_options"] == {"include_usage": True}
    assert response.content == readdressed(HELLO + STOP, asked.request_id) + DONE
    assert answered.usage.input_tokens == 12


def test_an_upstream_that_refuses_our_question_for_usage_is_asked_as_the_client_did(before: Before) -> None:
    behind = before(HELLO, STOP, DONE, headers=EVENTS, refuses=b"stream_options")
    assert b"Hel" in behind.post(STREAM).content
    assert behind.post(STREAM).status_code == 200
    assert [b"stream_options" in sent.body for sent in behind.upstream.sent] == [True, False, False]


def test_the_clients_own_stream_options_stay_beside_ours(before: Before) -> None:
    behind = before(HELLO, STOP, DONE, headers=EVENTS)
    behind.post(STREAM | {"stream_options": {"include_obfuscation": False, "include_usage": False}})
    assert json.loads(behind.sent.body)["stream_options"] == {"include_obfuscation": False, "include_usage": True}


def test_comments_line_ends_names_and_odd_characters_come_through_byte_for_byte(before: Before) -> None:
    lines = [b": queued\r\n\r\n", HELLO.replace(b"\n", b"\r\n"), b": still here\r\n\r\n"]
    told = json.dumps({"choices": [{"index": 0, "delta": {"content": "\u2028!"}}]}, ensure_ascii=False).encode()
    lines += [b"event: chunk\r\nid: 3\r\ndata: " + told + b"\r\n\r\n", STOP, DONE.replace(b"\n", b"\r\n")]
    behind = before(*lines, headers=EVENTS)
    response = behind.post(STREAM)
    asked, answered = behind.told()
    assert response.content == readdressed(b"".join(lines), asked.request_id)
    assert (answered.answer, answered.error_type) == ("Hello\u2028!", "")


@pytest.mark.parametrize("breaks", [False, True])
def test_a_stream_that_breaks_off_ends_with_an_error_and_its_record_has_what_was_said(
    before: Before, breaks: bool
) -> None:
    behind = before(HELLO, b'data: {"id": "up-1", "choi', headers=EVENTS, breaks=breaks)
    response = behind.post(STREAM)
    asked, answered = behind.told()
    *events, last = response.content.strip().split(b"\n\n")
    assert b"".join(event + b"\n\n" for event in events) == readdressed(HELLO, asked.request_id)
    assert json.loads(last.removeprefix(b"data: "))["error"]["code"] == "upstream_interrupted"
    assert (answered.answer, answered.error_type, answered.finish_reason) == ("Hello", "upstream_interrupted", "")


def test_a_connection_that_breaks_behind_a_finish_reason_broke_nothing(before: Before) -> None:
    behind = before(HELLO, STOP, headers=EVENTS, breaks=True)
    response = behind.post(STREAM)
    asked, answered = behind.told()
    assert response.content == readdressed(HELLO + STOP, asked.request_id) + DONE
    assert (answered.error_type, answered.finish_reason) == ("", "stop")


TOLD = {"message": "prompt is longer than the context window", "type": "BadRequestError", "param": None, "code": 400}
IN_STREAM = b"data: " + json.dumps({"error": TOLD}).encode() + b"\n\n"


@pytest.mark.parametrize(
    "pieces", [[HELLO + IN_STREAM + DONE], [HELLO, IN_STREAM + DONE], [HELLO, IN_STREAM], [HELLO, IN_STREAM.rstrip()]]
)
def test_an_error_inside_a_stream_comes_through_in_the_upstreams_words(before: Before, pieces: list[bytes]) -> None:
    behind = before(*pieces, headers=EVENTS, pause_s=0.05)
    response = behind.post(STREAM)
    asked, answered = behind.told()
    stream = b"".join(pieces)
    assert response.content == readdressed(stream, asked.request_id) + (b"" if stream.endswith(b"\n\n") else b"\n\n")
    assert (answered.answer, answered.error_type, answered.finish_reason) == ("Hello", "BadRequestError", "")
    assert (answered.error_message, answered.upstream_error_type) == (TOLD["message"], "BadRequestError")


def call(index: int | None, call_id: str | None, name: str | None, arguments: str) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments} if name is not None else {"arguments": arguments}
    told: dict[str, Any] = {"function": function}
    return told | ({} if index is None else {"index": index}) | ({} if call_id is None else {"id": call_id})


OSLO, LIMA = '{"city": "Oslo"}', '{"city": "Lima"}'
TWO = (
    ToolCall(id="call_a", name="get_weather", arguments=OSLO),
    ToolCall(id="call_b", name="get_time", arguments=LIMA),
)
ORDER = (ToolCall(id="call_c", name="lookup_order", arguments='{"order": "A-17"}'),)


@pytest.mark.parametrize(
    ("deltas", "expected"),
    [
        ([[call(0, "call_a", "get_weather", OSLO)], [call(0, "call_b", "get_time", LIMA)]], TWO),
        ([[call(None, "call_a", "get_weather", OSLO), call(None, "call_b", "get_time", LIMA)]], TWO),
        (
            [
                [call(0, "call_a", "get_weather", "")],
                [call(1, "call_b", "get_time", "")],
                [call(0, None, None, OSLO), call(1, None, None, LIMA[:4])],
                [call(1, None, None, LIMA[4:])],
            ],
            TWO,
        ),
        (
            [
                [call(0, "call_c", "lookup_order", '{"order": ')],
                [call(0, "call_c", "lookup_order", '"A-17"')],
                [call(0, "call_c", "lookup_order", "}")],
            ],
            ORDER,
        ),
        ([[call(0, "call_c", "lookup_", '{"order": ')], [call(0, None, "order", '"A-17"}')]], ORDER),
        ([[call(0, "", "lookup_order", '{"order": ')], [call(0, "call_c", "", '"A-17"}')]], ORDER),
        ([[call(None, "call_c", "lookup_order", '{"order": ')], [call(None, None, None, '"A-17"}')]], ORDER),
    ],
)
def test_tool_calls_are_put_together_as_they_were_meant(
    before: Before, deltas: list[list[dict[str, Any]]], expected: tuple[ToolCall, ...]
) -> None:
    stream = b"".join(delta(tool_calls=calls) for calls in deltas) + delta("tool_calls") + DONE
    behind = before(stream, headers=EVENTS)
    response = behind.post(STREAM)
    asked, answered = behind.told()
    assert response.content == readdressed(stream, asked.request_id)
    assert answered.output is not None
    assert answered.output.tool_calls == expected
    assert (answered.finish_reason, answered.error_type) == ("tool_calls", "")


def test_the_first_token_is_the_first_of_reasoning_and_answer(before: Before) -> None:
    pieces = [delta(role="assistant"), delta(reasoning_content="Hm."), delta(content="safe"), STOP + DONE]
    behind = before(*pieces, headers=EVENTS, pause_s=0.2)
    behind.post(STREAM)
    answered = behind.told()[1]
    assert (answered.reasoning, answered.answer) == ("Hm.", "safe")
    assert answered.ttft_ms is not None
    assert answered.ttft_ms < answered.latency_ms - 300


def test_all_choices_of_a_stream_are_recorded(before: Before) -> None:
    def of(index: int, text: str, reason: str | None = None) -> bytes:
        return chunk(choices=[{"index": index, "delta": {"content": text}, "finish_reason": reason}])

    behind = before(of(0, "a"), of(1, "c"), of(0, "b", "stop"), of(1, "d", "length"), DONE, headers=EVENTS)
    behind.post(STREAM | {"n": 2})
    answered = behind.told()[1]
    assert (answered.answer, answered.choices[0].output.text, answered.choices[0].finish_reason) == (
        "ab",
        "cd",
        "length",
    )


def test_a_stream_that_nobody_understands_is_passed_on_and_not_judged(before: Before) -> None:
    behind = before(b"data: <html>\n\n", b"data: [1, 2]\n\n", headers=EVENTS)
    response = behind.post(STREAM)
    assert response.content == b"data: <html>\n\ndata: [1, 2]\n\n"
    assert behind.told()[1].error_type == ""
    assert behind.metric("driftloop_gateway_unread_total") == 1


def test_an_event_of_many_megabytes_comes_through(before: Before) -> None:
    large = delta(content="x" * (5 << 20))
    behind = before(HELLO, large[: 5 << 20], large[5 << 20 :], STOP, DONE, headers=EVENTS)
    response = behind.post(STREAM)
    assert len(response.content) > 5 << 20
    assert b"upstream_interrupted" not in response.content
    assert behind.metric("driftloop_gateway_unread_total") == 1


def test_an_answer_that_streams_unasked_and_one_that_does_not_though_asked_are_passed_on(before: Before) -> None:
    streamed = before(HELLO, STOP, DONE, headers=EVENTS)
    assert streamed.post(ASKED).content.endswith(DONE)
    assert streamed.told()[1].answer == "Hello"


def test_a_whole_answer_to_a_stream_is_passed_on_and_recorded(before: Before) -> None:
    behind = before({"id": "up-1", "choices": [{"message": {"role": "assistant", "content": "Hi"}}]})
    assert behind.post(STREAM).json()["choices"][0]["message"]["content"] == "Hi"
    assert behind.told()[1].answer == "Hi"


@pytest.fixture
def behind(before: Before) -> Behind:
    return before(headers=EVENTS)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_stream_cut_anywhere_comes_through_up_to_the_cut(behind: Behind, data: st.DataObject) -> None:
    whole = b": hi\n\n" + HELLO + STOP + DONE
    at = data.draw(st.integers(0, len(whole)))
    cuts = sorted(data.draw(st.lists(st.integers(0, at), max_size=4)))
    behind.upstream.pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, at], strict=True)]
    response = behind.post(STREAM)
    answered = behind.gateway.events()[-1]
    assert isinstance(answered, InferenceResponded)
    kept = whole[: whole.rfind(b"\n\n", 0, at) + 2] if b"\n\n" in whole[:at] else b""
    assert response.content.startswith(readdressed(kept, answered.request_id))
    assert (answered.error_type == "") == (STOP.strip() in whole[:at])
