"""What must be on the spool after `instrumented_calls`, whichever instrumentation told it and over whatever door."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from schemas.inference import InferenceRequested, InferenceResponded, Message, ToolCall
from schemas.record import Record
from tests.exporters.stub import ARGUMENTS

KINDS = ("plain", "streamed", "tool_call", "failed")


@dataclass(frozen=True)
class Telling:
    """What an instrumentation tells of a call, where they differ.

    Attributes:
        usage: Input, output, cached and reasoning tokens.
        usage_streamed: The same of a streamed answer.
        error: The end of the error's name.
    """

    usage: tuple[int, int, int, int] = (100, 20, 40, 5)
    usage_streamed: tuple[int, int, int, int] = (100, 20, 40, 5)
    error: str = "RateLimitError"


TELLING = {
    "openllmetry": Telling(usage_streamed=(100, 20, 40, 0)),
    "openllmetry-0.40": Telling(usage=(100, 20, 40, 0), usage_streamed=(0, 0, 0, 0), error="error"),
    "openinference": Telling(),
    # OpenInference's spans lie within OpenLLMetry's and so come first.
    "openllmetry+openinference": Telling(),
}


def assert_told(records: Sequence[Record], telling: Telling) -> None:
    """Hold the four calls to all that their instrumentation tells of them."""
    answered = {record.prompt: record for record in records if isinstance(record, InferenceResponded)}
    asked = {record.prompt: record for record in records if isinstance(record, InferenceRequested)}
    assert (sorted(answered), sorted(asked), len(records)) == (sorted(KINDS), sorted(KINDS), 2 * len(KINDS))
    for kind in KINDS:
        _assert_who_called(answered[kind])
        assert [message.role for message in asked[kind].messages] == ["system", "user"]
    _assert_answered(answered["plain"], "plain", "stop", telling.usage)
    _assert_answered(answered["streamed"], "streamed", "stop", telling.usage_streamed)
    _assert_answered(answered["tool_call"], "tool_call", "tool_calls", telling.usage)
    _assert_failed(answered["failed"], telling.error)
    sampling = asked["plain"].sampling
    assert (sampling.temperature, sampling.max_tokens, sampling.stream) == (0.5, 64, False)
    assert asked["streamed"].sampling.stream
    assert answered["plain"].ttft_ms is None
    assert 0 <= (answered["streamed"].ttft_ms or -1) <= answered["streamed"].latency_ms


def _assert_who_called(call: InferenceResponded) -> None:
    assert (call.app, call.model, call.tenant, call.session_id) == ("prompt-guard", "base", "acme", "session-7")
    assert re.fullmatch("[0-9a-f]{32}", call.user_id)


def _assert_answered(call: InferenceResponded, kind: str, reason: str, tokens: tuple[int, ...]) -> None:
    assert (call.request_id, call.finish_reason, call.error_type) == (f"chatcmpl-{kind}", reason, "")
    usage = call.usage
    assert (usage.input_tokens, usage.output_tokens, usage.cached_tokens, usage.reasoning_tokens) == tokens
    if kind == "tool_call":
        assert call.output == Message(role="assistant", tool_calls=(_tool_call(call),))
    else:
        assert call.answer == "It is safe."


def _tool_call(call: InferenceResponded) -> ToolCall:
    assert call.output is not None
    (made,) = call.output.tool_calls
    assert (made.id, made.name) == ("call_1", "look_up")
    assert made.arguments.replace(" ", "") == ARGUMENTS.replace(" ", "")
    return made


def _assert_failed(call: InferenceResponded, error: str) -> None:
    assert call.error_type.rpartition(".")[2] == error
    assert (call.output, call.finish_reason) == (None, "")
