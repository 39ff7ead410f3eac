"""Inbound events: what a client asked, what the model answered, what a person said about it later."""

from typing import Annotated, Literal

import msgspec

from schemas.privacy import Private
from schemas.record import Count, Identifier, Milliseconds, Name, Ratio, Record

MOST_TOOLS = 128
LONGEST_SCHEMA = 16_384
# `other` is a role that the contract does not know.
Role = Literal["system", "developer", "user", "assistant", "tool", "other"]


class ContentPart(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One part of a message's content, as in the OpenAI chat format."""

    type: Literal["text", "image_url", "input_audio", "file", "refusal"]
    text: str = ""
    reference: str = ""


class ToolCall(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A function the model asked to call; arguments are the raw JSON text the model wrote."""

    id: str
    name: str
    arguments: str = ""


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One chat message."""

    role: Role
    content: str | tuple[ContentPart, ...] = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""

    @property
    def text(self) -> str:
        """The readable text of the message, parts joined by newlines."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(part.text for part in self.content if part.text)


class Sampling(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Sampling parameters as the client sent them; None where it sent none."""

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    stream: bool = False


class Usage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Token counts; `cached` and `cache_write` are parts of `input`, `reasoning` is part of `output`."""

    input_tokens: Count = 0
    output_tokens: Count = 0
    cached_tokens: Count = 0
    reasoning_tokens: Count = 0
    cache_write_tokens: Count = 0


class Choice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One of several answers to the same call; `reasoning` is what the model wrote on the way to it."""

    output: Message
    finish_reason: Name = ""
    reasoning: str = ""


class Context(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A passage that the answer should be grounded in."""

    text: str
    source: str = ""


class ToolDeclared(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A function that the model may call; `schema` is the JSON Schema of its arguments, empty where there is none."""

    name: Name
    schema: Annotated[str, msgspec.Meta(max_length=LONGEST_SCHEMA)] = ""


class LogprobSummary(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an answer's token log-probabilities come to, in nats; the list itself is not kept.

    Attributes:
        count: Tokens that had one, at least 1.
        mean: Of all; `exp(-mean)` is the perplexity.
        least: The smallest; none counts as less than -100.
        low_ratio: Share of tokens less likely than one half.
    """

    count: Annotated[int, msgspec.Meta(ge=1)]
    mean: Annotated[float, msgspec.Meta(le=0)]
    least: Annotated[float, msgspec.Meta(le=0)]
    low_ratio: Ratio = 0.0


class Call(Record, frozen=True, kw_only=True):
    """What request and response share: who asked what, in which session and trace (W3C ids).

    Attributes:
        tools: What the model was offered to call, within the bounds of schemas.declared.
        response_schema: JSON Schema that the answer was asked to keep to; empty when there was none.
        declared_left_out: Tools and response schemas that are missing above: too large, or unreadable.
        private: What was found in its texts and what became of it; None where nobody looked.
    """

    request_id: Identifier
    messages: tuple[Message, ...]
    session_id: Name = ""
    user_id: Name = ""
    tags: dict[str, str] = {}
    trace_id: Name = ""
    span_id: Name = ""
    sampling: Sampling = Sampling()
    contexts: tuple[Context, ...] = ()
    tools: Annotated[tuple[ToolDeclared, ...], msgspec.Meta(max_length=MOST_TOOLS)] = ()
    response_schema: Annotated[str, msgspec.Meta(max_length=LONGEST_SCHEMA)] = ""
    declared_left_out: Count = 0
    private: Private | None = None

    @property
    def prompt(self) -> str:
        """Text of the last user message, which is what scorers judge."""
        return next((m.text for m in reversed(self.messages) if m.role == "user"), "")


class InferenceRequested(Call, frozen=True, kw_only=True):
    """A client's call reached the gateway."""


class InferenceResponded(Call, frozen=True, kw_only=True):
    """The model answered, or failed to.

    Attributes:
        output: The assistant's message, of several choices the first; None when the call failed.
        error_type: OpenTelemetry `error.type`; empty on success.
        latency_ms: From the gateway's receipt of the request to the last byte of the answer.
        ttft_ms: To the first token; None when not streamed.
        cost_usd: By the prices in force when the call ended; None where nobody knows (schemas.prices).
        reasoning: What the model wrote on the way to `output`.
        choices: The choices beyond the first.
        error_message: What the upstream said of its failure, in its own words.
        upstream_error_type: What the upstream calls the error.
        logprobs: How likely the first choice's tokens were; None where the upstream did not say.
    """

    output: Message | None = None
    finish_reason: Name = ""
    usage: Usage = Usage()
    latency_ms: Milliseconds = 0.0
    ttft_ms: Milliseconds | None = None
    cost_usd: Annotated[float, msgspec.Meta(ge=0)] | None = None
    error_type: Name = ""
    reasoning: str = ""
    choices: tuple[Choice, ...] = ()
    error_message: Annotated[str, msgspec.Meta(max_length=4096)] = ""
    upstream_error_type: Name = ""
    logprobs: LogprobSummary | None = None

    @property
    def answer(self) -> str:
        """Text of the answer; empty when the call failed."""
        return self.output.text if self.output else ""
