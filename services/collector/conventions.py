"""From a span to the events of one inference. Pure.

Understood: OpenTelemetry's GenAI conventions, the older names they replaced, and OpenInference.
Where several name the same thing, the first of each list that is there counts.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime

from schemas.configuration import App
from schemas.ids import derived_id
from schemas.inference import InferenceRequested, InferenceResponded, Sampling, Usage
from schemas.record import Variant
from services.collector.content import finish_reason, input_messages, output_message
from services.collector.spans import Attribute, Span
from services.collector.verdicts import Rejected

_OPERATIONS = frozenset({"chat", "text_completion", "generate_content", "completion"})
_OPERATION = ("gen_ai.operation.name", "llm.request.type")
_REQUEST_MODEL = ("gen_ai.request.model", "llm.request.model", "llm.model_name")
_RESPONSE_MODEL = ("gen_ai.response.model", "llm.response.model", *_REQUEST_MODEL)
_INPUT_TOKENS = ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt")
_OUTPUT_TOKENS = ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion")
_CACHED_TOKENS = ("gen_ai.usage.cache_read.input_tokens", "llm.token_count.prompt_details.cache_read")
_REASONING_TOKENS = ("gen_ai.usage.reasoning.output_tokens", "llm.token_count.completion_details.reasoning")
_SESSION = ("gen_ai.conversation.id", "session.id")
_USER = ("user.id", "enduser.id")
_TAG_PREFIXES = ("driftloop.tag.", "tag.")


def is_inference(span: Span) -> bool:
    """Whether a span tells of one call of a generating model."""
    kind = span.attributes.get("openinference.span.kind")
    if kind is not None:
        return str(kind).upper() == "LLM"
    operation = _first(span.attributes, _OPERATION)
    if operation is not None:
        return str(operation) in _OPERATIONS
    return _first(span.attributes, _REQUEST_MODEL) is not None


def events_of(span: Span, apps: Mapping[str, App]) -> tuple[InferenceRequested, InferenceResponded]:
    """Return request and response of a span that is an inference.

    The ids are derived from the trace's, so a span that is exported twice is the same events again.

    Raises:
        Rejected: No configured app is named by `driftloop.app`, the requested model or
            `service.name`; or content that can't be read.
    """
    requested = _requested(span, _app_of(span, apps))
    return requested, _responded(span, requested, apps[requested.app])


def _app_of(span: Span, apps: Mapping[str, App]) -> App:
    named = (
        span.attributes.get("driftloop.app"),
        span.resource.get("driftloop.app"),
        _first(span.attributes, _REQUEST_MODEL),
        span.resource.get("service.name"),
    )
    for name in named:
        if isinstance(name, str) and name in apps:
            return apps[name]
    raise Rejected("neither driftloop.app nor the requested model nor service.name is a configured app")


def _requested(span: Span, app: App) -> InferenceRequested:
    find = span.attributes.get
    return InferenceRequested(
        event_id=derived_id("otlp", span.trace_id, span.span_id, "requested"),
        occurred_at=_instant(span.start_ns),
        app=app.name,
        model=app.base_model,
        adapter_version=_version(span, app),
        variant=_variant(span),
        tenant=str(find("driftloop.tenant") or span.resource.get("driftloop.tenant") or ""),
        request_id=str(find("gen_ai.response.id") or f"{span.trace_id}-{span.span_id}"),
        messages=input_messages(span.attributes),
        session_id=str(_first(span.attributes, _SESSION) or ""),
        user_id=str(_first(span.attributes, _USER) or ""),
        tags=_tags(span.attributes),
        trace_id=span.trace_id,
        span_id=span.span_id,
        sampling=_sampling(span.attributes),
    )


def _responded(span: Span, requested: InferenceRequested, app: App) -> InferenceResponded:
    shared = {name: getattr(requested, name) for name in requested.__struct_fields__}
    usage = Usage(
        input_tokens=_count(span, _INPUT_TOKENS),
        output_tokens=_count(span, _OUTPUT_TOKENS),
        cached_tokens=_count(span, _CACHED_TOKENS),
        reasoning_tokens=_count(span, _REASONING_TOKENS),
    )
    first_chunk_s = _number(span.attributes.get("gen_ai.response.time_to_first_chunk"))
    error_type = str(span.attributes.get("error.type") or ("error" if span.failed else ""))
    return InferenceResponded(
        **{
            **shared,
            "event_id": derived_id("otlp", span.trace_id, span.span_id, "responded"),
            "occurred_at": _instant(span.end_ns),
        },
        output=None if error_type else output_message(span.attributes),
        finish_reason=finish_reason(span.attributes),
        usage=usage,
        latency_ms=max(0, span.end_ns - span.start_ns) / 1e6,
        ttft_ms=None if first_chunk_s is None else max(0.0, first_chunk_s * 1000),
        cost_usd=(usage.input_tokens * app.price.input + usage.output_tokens * app.price.output) / 1_000_000,
        error_type=error_type,
    )


def _version(span: Span, app: App) -> str:
    """A model name that is neither the app's nor the base's is more specific: the fine-tune."""
    given = span.attributes.get("driftloop.adapter_version")
    if given is not None:
        return str(given)
    model = str(_first(span.attributes, _RESPONSE_MODEL) or "")
    return "" if model in (app.name, app.base_model) else model


def _variant(span: Span) -> Variant:
    given = str(span.attributes.get("driftloop.variant") or "stable")
    return Variant(given) if given in set(Variant) else Variant.STABLE


def _tags(attributes: Mapping[str, Attribute]) -> dict[str, str]:
    return {
        name.removeprefix(prefix): str(value)
        for name, value in attributes.items()
        for prefix in _TAG_PREFIXES
        if name.startswith(prefix)
    }


def _sampling(attributes: Mapping[str, Attribute]) -> Sampling:
    def whole(name: str) -> int | None:
        value = _number(attributes.get(name))
        return None if value is None else int(value)

    return Sampling(
        max_tokens=whole("gen_ai.request.max_tokens"),
        temperature=_number(attributes.get("gen_ai.request.temperature")),
        top_p=_number(attributes.get("gen_ai.request.top_p")),
        seed=whole("gen_ai.request.seed"),
        stream=attributes.get("gen_ai.request.stream") is True,
    )


def _first(attributes: Mapping[str, Attribute], names: Collection[str]) -> Attribute:
    return next((attributes[name] for name in names if attributes.get(name) is not None), None)


def _number(value: Attribute) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _count(span: Span, names: Collection[str]) -> int:
    return max(0, int(_number(_first(span.attributes, names)) or 0))


def _instant(unix_ns: int) -> datetime:
    try:
        return datetime.fromtimestamp(unix_ns / 1e9, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise Rejected(f"time out of range: {unix_ns} ns") from error
