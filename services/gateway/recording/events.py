"""From a call and its outcome to the events that tell of them. Pure: ids and times are arguments."""

from datetime import datetime
from typing import Any, TypeVar

import msgspec

from schemas import prices
from schemas.configuration import App
from schemas.inference import InferenceRequested, InferenceResponded, Message
from schemas.learning import Route
from schemas.record import Variant
from services.gateway.upstreams.headers import Outbound
from services.gateway.wire.answers import Answer
from services.gateway.wire.asked import Asked
from services.gateway.wire.surfaces import Surface
from services.parts.access.admitted import Charge, charge_nobody
from services.parts.ingress.traces import NO_TRACE, TraceParent

# Twice this and a quarter, at JSON's worst of six bytes a character, stays under the bound of an event.
_KEPT_CHARACTERS = 60_000
# Longer than any value that is masked as one piece but private keys, whose beginning is enough.
SPARE = 4_000
Event = TypeVar("Event", InferenceRequested, InferenceResponded)
_NO_ANSWER = Answer()
_VARIANTS: dict[str, Variant] = {variant.value: variant for variant in Variant}


class Caller(msgspec.Struct, frozen=True):
    """Who calls, as the headers and the body's `user` tell; the user by pseudonym.

    Attributes:
        tenant: Its key's, when that has one.
        charge: Takes the tokens and USD of the call.
    """

    session_id: str = ""
    user_id: str = ""
    tenant: str = ""
    trace: TraceParent = NO_TRACE
    charge: Charge = charge_nobody


class Call(msgspec.Struct, frozen=True):
    """One call from receipt to answer.

    Attributes:
        outbound: Where it goes and with which headers.
        received_at: UTC.
        started: The same moment on the monotonic clock, seconds.
    """

    request_id: str
    app: App
    surface: Surface
    asked: Asked
    outbound: Outbound
    caller: Caller
    received_at: datetime
    started: float

    @property
    def unit(self) -> str:
        """What sticks to a version: the user, else the session, else this one request."""
        return self.caller.user_id or self.caller.session_id or self.request_id


class Outcome(msgspec.Struct, frozen=True):
    """How a call ended.

    Attributes:
        route: What answered, which is not what was chosen when a canary was missing.
        error_type: OpenTelemetry `error.type`; empty on success.
    """

    route: Route
    answer: Answer = _NO_ANSWER
    latency_ms: float = 0.0
    ttft_ms: float | None = None
    error_type: str = ""


def model_of(app: App, route: Route) -> str:
    """Return what the upstream calls the version of a route."""
    return route.adapter_version or app.base_model


def requested(call: Call, route: Route, *, event_id: str) -> InferenceRequested:
    """Return the event of a call's arrival."""
    return InferenceRequested(event_id=event_id, occurred_at=call.received_at, **_shared(call, route))


def responded(
    call: Call, outcome: Outcome, *, cost_usd: float | None, event_id: str, at: datetime
) -> InferenceResponded:
    """Return the event of a call's end."""
    answer, error = outcome.answer, outcome.answer.error
    return InferenceResponded(
        event_id=event_id,
        occurred_at=at,
        output=answer.output,
        finish_reason=answer.finish_reason,
        usage=answer.usage,
        latency_ms=round(outcome.latency_ms, 3),
        ttft_ms=None if outcome.ttft_ms is None else round(outcome.ttft_ms, 3),
        cost_usd=cost_usd,
        error_type=outcome.error_type,
        reasoning=answer.reasoning,
        choices=answer.others,
        error_message=call.outbound.without_secrets(error.message) if error else "",
        upstream_error_type=error.kind if error else "",
        logprobs=outcome.answer.logprobs,
        **_shared(call, outcome.route),
    )


def _shared(call: Call, route: Route) -> dict[str, Any]:
    app, caller, asked = call.app, call.caller, call.asked
    return {
        "app": app.name,
        "model": app.base_model,
        "adapter_version": route.adapter_version,
        "variant": _VARIANTS[route.variant],
        "tenant": caller.tenant,
        "request_id": call.request_id,
        "messages": asked.messages,
        "session_id": caller.session_id,
        "user_id": caller.user_id,
        "tags": asked.tags,
        "trace_id": caller.trace.trace_id,
        "span_id": caller.trace.span_id,
        "sampling": asked.sampling,
        "tools": asked.declared.tools,
        "response_schema": asked.declared.response_schema,
        "declared_left_out": asked.declared.left_out,
    }


def cost_of(call: Call, outcome: Outcome) -> float | None:
    """Return what a call has cost in USD by the prices in force; None where nobody knows."""
    price = prices.price_of(call.app, outcome.route.adapter_version, call.app.base_model)
    failed = bool(outcome.error_type) and outcome.answer.output is None
    return prices.cost_usd(price, outcome.answer.usage, call.asked.messages, failed=failed)


def characters(event: InferenceRequested | InferenceResponded) -> int:
    """Return how much text an event has."""
    messages = [*event.messages]
    if isinstance(event, InferenceResponded):
        messages += [choice.output for choice in event.choices]
        messages += [event.output] if event.output else []
    spoken = sum(len(message.text) + sum(len(call.arguments) for call in message.tool_calls) for message in messages)
    return spoken + (len(event.reasoning) if isinstance(event, InferenceResponded) else 0)


def shortened(event: Event, spare: int = 0) -> Event:
    """Return an event that is too large to be taken with its texts cut; the tag `truncated` says so.

    Args:
        spare: How many characters more than what is kept are left, for `trimmed`.
    """
    last = next((m for m in reversed(event.messages) if m.role == "user"), None) or next(
        iter(event.messages[-1:]), None
    )
    kept = (_cut(last, spare),) if last else ()
    left_out = event.declared_left_out + len(event.tools) + bool(event.response_schema)
    cut = msgspec.structs.replace(
        event,
        messages=kept,
        tags={**event.tags, "truncated": "true"},
        tools=(),
        response_schema="",
        declared_left_out=left_out,
    )
    if not isinstance(cut, InferenceResponded):
        return cut
    output = _cut(cut.output, spare) if cut.output else None
    reasoning = cut.reasoning[: _KEPT_CHARACTERS // 4 + spare]
    return msgspec.structs.replace(cut, output=output, choices=(), reasoning=reasoning)


def trimmed(event: Event, wide: Event) -> Event:
    """Return an event that was masked after it was shortened to `wide` with SPARE: without the ends of what was cut.

    Half a value may stand at such an end, where nobody knows it.
    """
    messages = tuple(_trimmed(kept, cut) for kept, cut in zip(event.messages, wide.messages, strict=True))
    kept = msgspec.structs.replace(event, messages=messages)
    if not isinstance(kept, InferenceResponded) or not isinstance(wide, InferenceResponded):
        return kept
    output = _trimmed(kept.output, wide.output) if kept.output and wide.output else None
    reasoning = _trimmed_text(kept.reasoning, wide.reasoning, _KEPT_CHARACTERS // 4)
    return msgspec.structs.replace(kept, output=output, reasoning=reasoning)


def _cut(message: Message, spare: int) -> Message:
    return Message(role=message.role, content=message.text[: _KEPT_CHARACTERS + spare])


def _trimmed(message: Message, wide: Message) -> Message:
    return Message(role=message.role, content=_trimmed_text(message.text, wide.text, _KEPT_CHARACTERS))


def _trimmed_text(text: str, wide: str, most: int) -> str:
    return text[: max(0, len(text) - SPARE)][:most] if len(wide) >= most + SPARE else text[:most]
