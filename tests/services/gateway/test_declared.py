"""What a call declares and how sure its answer was: on record, and every byte passed on as it came."""

import json
from typing import Any

import pytest

from schemas.inference import LogprobSummary
from tests.services.gateway.behind import ASKED, Before, answer
from tests.services.gateway.canned import EVENTS

CITY = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL = {"type": "function", "function": {"name": "look", "parameters": CITY}}
FORM = {"type": "json_schema", "json_schema": {"name": "c", "schema": CITY}}
TOLD = [{"token": "H", "logprob": -0.1}, {"token": "i", "logprob": -2.3}]
SUMMARY = LogprobSummary(count=2, mean=-1.2, least=-2.3, low_ratio=0.5)


def chunk(word: str, told: dict[str, Any], reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": word}, "finish_reason": reason, "logprobs": {"content": [told]}}
    return b"data: " + json.dumps({"id": "up-1", "choices": [choice]}).encode() + b"\n\n"


def test_tools_and_form_are_on_both_records_and_go_upstream_as_they_came(before: Before) -> None:
    behind = before(answer())
    sent = json.dumps({**ASKED, "tools": [TOOL], "response_format": FORM}, indent=3).encode()
    assert behind.post(sent).status_code == 200
    for event in behind.told():
        assert [(tool.name, json.loads(tool.schema)) for tool in event.tools] == [("look", CITY)]
        assert json.loads(event.response_schema) == CITY
    upstream = json.loads(behind.sent.body)
    assert (upstream["tools"], upstream["response_format"]) == ([TOOL], FORM)
    assert json.dumps([TOOL], indent=3).encode().splitlines()[1].strip() in behind.sent.body


@pytest.mark.parametrize("tools", [b'"none"', b"7", b"{}", b'[{"name":"\\ud800"}]', b"[" * 500 + b"]" * 500])
def test_a_call_whose_tools_are_not_understood_is_answered_all_the_same(before: Before, tools: bytes) -> None:
    behind = before(answer())
    sent = json.dumps(ASKED).encode()[:-1] + b',"tools":' + tools + b"}"
    assert behind.post(sent).status_code == 200
    assert tools in behind.sent.body
    assert behind.told()[1].tools == ()
    assert behind.told()[1].answer == "Hi"


def test_the_tokens_likelihood_of_a_whole_answer_is_on_record(before: Before) -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}
    behind = before(answer(choices=[{**choice, "logprobs": {"content": TOLD}}]))
    behind.post({**ASKED, "logprobs": True})
    assert behind.told()[1].logprobs == SUMMARY


def test_the_tokens_likelihood_of_a_stream_is_on_record(before: Before) -> None:
    behind = before(chunk("H", TOLD[0]), chunk("i", TOLD[1], "stop"), b"data: [DONE]\n\n", headers=EVENTS)
    response = behind.post({**ASKED, "stream": True, "logprobs": True})
    assert json.dumps(TOLD[1]) in response.text
    answered = behind.told()[1]
    assert (answered.answer, answered.finish_reason, answered.logprobs) == ("Hi", "stop", SUMMARY)


def test_a_record_that_is_too_large_goes_without_its_declarations_and_says_so(before: Before) -> None:
    behind = before(answer())
    asked = [{"role": "user", "content": "x" * 1_200_000}]
    behind.post({**ASKED, "messages": asked, "tools": [TOOL], "response_format": FORM})
    for event in behind.told():
        assert (event.tools, event.response_schema, event.declared_left_out) == ((), "", 2)
        assert event.tags == {"truncated": "true"}
