"""What the upstream would have answered is answered, unchanged; the record has as much of it as is understood."""

import json
from typing import Any

import pytest

from tests.services.gateway.behind import ASKED, Before, answer, says
from tests.services.gateway.conftest import APP


def readdressed(body: bytes, request_id: str, app: str = APP) -> bytes:
    return body.replace(b'"id": "up-1"', b'"id": "%s"' % request_id.encode(), 1).replace(
        b'"model": "echo-base"', b'"model": "%s"' % app.encode(), 1
    )


@pytest.mark.parametrize(
    "said",
    [
        answer(usage={"prompt_tokens": 12.0, "completion_tokens": "2"}),
        says(content=[{"type": "text", "text": "Hi"}]),
        answer(choices=[]),
        answer(choices=None),
        says(content="a\ud800b"),
        says(content=None, tool_calls=[{"id": "c", "type": "custom", "custom": {"name": "f", "input": "x"}}]),
        says(content="Hi", audio={"id": "a", "data": "AAAA"}),
        answer(prompt_logprobs=None, kv_transfer_params={"a": 1}, service_tier="default", system_fingerprint=None),
        answer(choices="none", usage=[], error=None),
        {"model": "echo-base"},
        {"nothing": "known"},
    ],
)
def test_an_answer_comes_back_as_it_came_but_for_id_and_model(before: Before, said: dict[str, Any]) -> None:
    behind = before(said)
    response = behind.post(ASKED)
    asked, answered = behind.told()
    assert response.status_code == 200
    assert response.content == readdressed(json.dumps(said).encode(), asked.request_id)
    assert response.headers["content-type"] == "application/json"
    assert answered.error_type == ""


def test_counts_are_read_whatever_their_type(before: Before) -> None:
    behind = before(answer(usage={"prompt_tokens": 12.0, "completion_tokens": "2"}))
    behind.post(ASKED)
    usage = behind.told()[1].usage
    assert (usage.input_tokens, usage.output_tokens) == (12, 2)


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (says(content=[{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]), "one\ntwo"),
        (says(content="a\ud800b"), "a\ufffdb"),
        (says(content=None, refusal="no"), "no"),
        (answer(choices=[{"index": 0, "text": "Hi", "finish_reason": "stop"}]), "Hi"),
    ],
)
def test_texts_are_recorded_in_whichever_form_they_come(before: Before, said: dict[str, Any], text: str) -> None:
    behind = before(said)
    behind.post(ASKED)
    assert behind.told()[1].answer == text


_CUSTOM = {"role": "assistant", "tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "f", "input": "x"}}]}


@pytest.mark.parametrize(
    "body",
    [
        ASKED | {"messages": [_CUSTOM]},
        ASKED | {"messages": [{"role": "function", "name": "f", "content": "3"}]},
        ASKED | {"messages": [{"role": "narrator", "content": [{"type": "hologram", "beam": 1}]}]},
        ASKED | {"messages": [{"role": "user", "content": 5}, "odd", None]},
        ASKED | {"messages": []},
        ASKED | {"messages": "Hello"},
        ASKED | {"max_tokens": 64.0, "temperature": "0.5", "top_p": [], "seed": 10**40},
        ASKED | {"metadata": {"run": 3, "nested": {"a": [1]}}},
        ASKED | {"messages": [{"role": "user", "content": "a\ud800b"}]},
        ASKED | {"user": "ada", "safety_identifier": "s", "prompt_cache_key": 7, "stop": None, "n": 2.0},
        ASKED | {"guided_choice": ["a"], "structured_outputs": {"choice": ["a"]}, "chat_template_kwargs": {"x": True}},
        {"model": APP},
    ],
)
def test_a_request_goes_out_as_it_came_but_for_its_model(before: Before, body: dict[str, Any]) -> None:
    behind = before(answer())
    assert behind.post(body).status_code == 200
    expected = json.dumps(body).replace(f'"model": "{APP}"', '"model": "echo-base"', 1)
    assert behind.sent.body == expected.encode()
    assert behind.told()[0].request_id


def test_layout_and_repetition_of_a_body_stay_as_they_came(before: Before) -> None:
    behind = before(answer())
    body = b' {"messages":[],\n\t"model" : "prompt-guard" ,"x":1.50,"x":NaN, "y":"\\u00e9\\/"}\r\n'
    assert behind.post(body).status_code == 200
    assert behind.sent.body == body.replace(b'"prompt-guard"', b'"echo-base"')


def test_what_is_not_understood_is_counted_and_the_rest_recorded(before: Before) -> None:
    behind = before(says(content="Hi", tool_calls=[{"id": "c", "type": "new"}]))
    behind.post(ASKED | {"messages": [{"role": "narrator", "content": "Once"}, {"role": "user", "content": "Hello"}]})
    asked, answered = behind.told()
    assert [(message.role, message.text) for message in asked.messages] == [("other", "Once"), ("user", "Hello")]
    assert answered.answer == "Hi"
    assert behind.metric("driftloop_gateway_unread_total") == 2
    assert behind.metric("driftloop_gateway_unrecorded_total") == 0


def test_tags_and_sampling_are_recorded_as_far_as_they_are_what_they_should_be(before: Before) -> None:
    behind = before(answer())
    behind.post(ASKED | {"metadata": {"run": 3, "name": "x"}, "max_tokens": 64.0, "temperature": "hot", "seed": "7"})
    asked, _ = behind.told()
    assert asked.tags == {"run": "3", "name": "x"}
    assert (asked.sampling.max_tokens, asked.sampling.temperature, asked.sampling.seed) == (64, None, 7)


def test_all_choices_are_recorded(before: Before) -> None:
    choices = [{"index": n, "message": {"content": f"c{n}"}, "finish_reason": "stop"} for n in range(3)]
    behind = before(answer(choices=choices))
    behind.post(ASKED | {"n": 3})
    answered = behind.told()[1]
    assert [answered.answer, *(choice.output.text for choice in answered.choices)] == ["c0", "c1", "c2"]


def test_reasoning_is_recorded_apart_from_the_answer(before: Before) -> None:
    behind = before(says(content="safe", reasoning_content="Let me see."))
    behind.post(ASKED)
    answered = behind.told()[1]
    assert (answered.answer, answered.reasoning) == ("safe", "Let me see.")


@pytest.mark.parametrize(
    ("status", "content_type", "body"),
    [
        (429, b"application/json", b'{"error": {"message": "slow down", "type": "rate_limit_error", "code": "x"}}'),
        (502, b"text/html", b"<html><h1>Bad Gateway</h1></html>"),
        (401, b"application/json", b'{"error": "who are you"}'),
        (400, b"application/json", b'{"object": "error", "message": "no", "type": "BadRequestError"}'),
        (503, b"text/plain", b""),
        (302, b"text/plain", b"elsewhere"),
    ],
)
def test_a_refusal_of_any_kind_comes_back_with_its_headers_and_body(
    before: Before, status: int, content_type: bytes, body: bytes
) -> None:
    headers = [
        (b"content-type", content_type),
        (b"retry-after", b"7"),
        (b"x-ratelimit-remaining-requests", b"0"),
        (b"x-request-id", b"req-1"),
        (b"set-cookie", b"a=1"),
        (b"set-cookie", b"b=2"),
        (b"location", b"/elsewhere"),
    ]
    behind = before(body, status=status, headers=headers)
    response = behind.post(ASKED)
    assert (response.status_code, response.content) == (status, body)
    assert response.headers["retry-after"] == "7"
    assert response.headers["x-ratelimit-remaining-requests"] == "0"
    assert response.headers["x-request-id"] == "req-1"
    assert response.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert behind.told()[1].error_type == str(status)


def test_a_refusal_is_recorded_in_the_upstreams_words(before: Before) -> None:
    behind = before({"error": {"message": "slow down", "type": "rate_limit_error"}}, status=429)
    behind.post(ASKED)
    answered = behind.told()[1]
    assert (answered.error_message, answered.upstream_error_type) == ("slow down", "rate_limit_error")


def test_the_clients_headers_go_upstream_but_those_of_the_connection(before: Before) -> None:
    behind = before(answer(), headers=[(b"content-type", b"application/json"), (b"connection", b"close, x-hop")])
    headers = {
        "authorization": "Bearer sk-client",
        "openai_organization": "org-1",
        "x_stainless_lang": "python",
        "user_agent": "OpenAI/Python 1.0",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
        "connection": "close, x-secret-hop",
        "x_secret_hop": "1",
        "te": "trailers",
    }
    behind.post(ASKED, **headers)
    got = behind.sent.headers
    for name in ("authorization", "openai_organization", "x_stainless_lang", "user_agent", "traceparent"):
        assert got[name.replace("_", "-")] == headers[name]
    assert {"x-secret-hop", "te"}.isdisjoint(got)
    assert got["accept-encoding"] == "identity"


def test_who_the_user_is_travels_by_one_policy_and_as_a_pseudonym_unless_told_otherwise(before: Before) -> None:
    behind = before(answer(), app={"identities": "pseudonym"})
    body = ASKED | {
        "user": "ada",
        "safety_identifier": "ada",
        "prompt_cache_key": "ada",
        "metadata": {"who": "ada", "n": 3},
    }
    behind.post(body)
    got = json.loads(behind.sent.body)
    name = behind.told()[0].user_id
    assert [got["user"], got["safety_identifier"], got["prompt_cache_key"]] == [name] * 3
    assert got["metadata"] == {"who": name, "n": 3}
    assert b"ada@x" not in behind.sent.body


def test_no_odd_body_costs_the_answer_or_the_record(before: Before) -> None:
    behind = before(answer())
    odd = b'{"model": "prompt-guard", "messages": [{"role": "user", "content": ' + b"[" * 900 + b"]" * 900 + b"}]}"
    assert behind.post(odd).status_code == 200
    assert len(behind.gateway.events()) == 2
