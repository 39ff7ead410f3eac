"""Log-probabilities of tokens become one summary, whichever API tells them, whole or in pieces."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.inference import LogprobSummary
from services.gateway.wire.answers import ChatTranscript, read_completion
from services.gateway.wire.formats.reading import Doubts
from services.gateway.wire.logprobs import LEAST, logprobs_of
from services.gateway.wire.responses import ResponseTranscript, read_response

TOLD = [{"token": "a", "logprob": -0.1}, {"token": "b", "logprob": -2.3}]
SUMMARY = LogprobSummary(count=2, mean=-1.2, least=-2.3, low_ratio=0.5)


def encoded(**fields: object) -> bytes:
    return json.dumps(fields).encode()


def choice(**fields: object) -> dict[str, object]:
    return {"index": 0, "message": {"role": "assistant", "content": "ab"}, "finish_reason": "stop", **fields}


def of_completion(**fields: object) -> LogprobSummary | None:
    answer = read_completion(encoded(choices=[choice(**fields)]), Doubts())
    assert answer is not None
    return answer.logprobs


def test_a_chat_tells_its_tokens() -> None:
    assert of_completion(logprobs={"content": TOLD, "refusal": None}) == SUMMARY
    assert of_completion(logprobs=None) is None
    assert of_completion() is None


def test_a_text_completion_tells_its_tokens_and_the_first_may_have_none() -> None:
    data = encoded(choices=[{"index": 0, "text": "ab", "logprobs": {"token_logprobs": [None, -0.1, -2.3]}}])
    answer = read_completion(data, Doubts())
    assert answer is not None
    assert answer.logprobs == SUMMARY


def test_a_stream_tells_them_a_chunk_at_a_time_and_only_the_first_choice_counts() -> None:
    transcript = ChatTranscript()
    for told in TOLD:
        transcript.hear(
            encoded(choices=[{"index": 0, "delta": {"content": told["token"]}, "logprobs": {"content": [told]}}])
        )
    transcript.hear(
        encoded(choices=[{"index": 1, "delta": {"content": "z"}, "logprobs": {"content": [{"logprob": -9}]}}])
    )
    assert transcript.answer().logprobs == SUMMARY


def test_the_responses_api_tells_them_with_its_texts() -> None:
    item = {"type": "message", "content": [{"type": "output_text", "text": "ab", "logprobs": TOLD}]}
    answer = read_response(encoded(status="completed", output=[item]), Doubts())
    assert answer is not None
    assert answer.logprobs == SUMMARY
    transcript = ResponseTranscript()
    for told in TOLD:
        transcript.hear(encoded(type="response.output_text.delta", delta=told["token"], logprobs=[told]))
    assert transcript.answer().logprobs == SUMMARY


@pytest.mark.parametrize("told", [{}, [], "x", 7, {"content": [{"logprob": None}, {"logprob": True}, "x", {}]}])
def test_what_is_no_logprob_is_none(told: object) -> None:
    assert logprobs_of(told) is None


def test_one_impossible_token_does_not_hide_all_others() -> None:
    summary = logprobs_of([{"logprob": -9999.0}, *[{"logprob": -0.1}] * 99])
    assert summary is not None
    assert summary.least == LEAST
    assert summary.mean > -1.2


@given(st.lists(st.floats(allow_nan=True) | st.integers(), min_size=1))
def test_a_summary_is_within_the_bounds_of_its_contract(numbers: list[float]) -> None:
    summary = logprobs_of({"token_logprobs": numbers})
    if summary is not None:
        assert LEAST <= summary.least <= summary.mean <= 0
        assert 0 <= summary.low_ratio <= 1
        assert math.isfinite(summary.mean)
