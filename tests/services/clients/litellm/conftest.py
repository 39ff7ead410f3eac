"""LiteLLM's payloads, real collectors, and what those have of a call."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from schemas.inference import InferenceRequested, InferenceResponded
from schemas.record import Record
from services.clients.litellm_callback import DriftloopCallback, Wishes
from tests.fixtures.waiting import PATIENCE_S, equals, until
from tests.services.collector.conftest import Collecting, collecting

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
            return stack.enter_context(collecting(tmp_path_factory.mktemp("collector"), port))

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
