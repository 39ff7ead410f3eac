"""From a span to the events of one inference. Pure.

Understood: OpenTelemetry's GenAI conventions, the older names they replaced, OpenLLMetry and OpenInference.
Where several name the same thing, the first of each list that has a value counts.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from schemas.configuration import App
from schemas.ids import derived_id
from schemas.inference import InferenceRequested, InferenceResponded, Sampling
from schemas.prices import cost_usd, price_of
from schemas.record import Variant
from services.collector.conventions.attributes import NAME_LENGTH, Attributes, decoded, first, number, text, whole
from services.collector.conventions.content import Content, content_of
from services.collector.conventions.declarations import declared_in
from services.collector.conventions.places import answer_id
from services.collector.conventions.timing import first_token_ms
from services.collector.conventions.usage import usage_of
from services.collector.otlp.spans import Attribute, Span
from services.collector.verdicts import Rejected

_OPERATIONS = frozenset({"chat", "text_completion", "generate_content", "completion"})
_OPERATION = ("gen_ai.operation.name", "llm.request.type")
REQUEST_MODEL = ("gen_ai.request.model", "llm.request.model", "llm.model_name")
_RESPONSE_MODEL = ("gen_ai.response.model", "llm.response.model", *REQUEST_MODEL)
_ASSOCIATED = "traceloop.association.properties."
_SESSION = ("gen_ai.conversation.id", "session.id", f"{_ASSOCIATED}session_id", "langfuse.session.id")
_USER = ("user.id", "enduser.id", f"{_ASSOCIATED}user_id", "langfuse.user.id", "gen_ai.user", "llm.user")
TENANT = ("driftloop.tenant", "tenant.id", f"{_ASSOCIATED}tenant", f"{_ASSOCIATED}tenant_id")
_IN_METADATA = ("driftloop.tenant", "tenant", "tenant_id")
_STREAM = ("gen_ai.request.stream", "gen_ai.is_streaming", "llm.is_streaming")
_PARAMETERS = "llm.invocation_parameters"
_TAG_PREFIXES = ("driftloop.tag.", "tag.")
_MOST_NS = 2**63


def is_inference(span: Span) -> bool:
    """Whether a span tells of one call of a generating model."""
    kind = span.attributes.get("openinference.span.kind")
    if kind is not None:
        return str(kind).upper() == "LLM"
    operation = first(span.attributes, _OPERATION)
    if operation is not None:
        return str(operation).lower() in _OPERATIONS
    return first(span.attributes, REQUEST_MODEL) is not None


def events_of(span: Span, apps: Mapping[str, App]) -> tuple[InferenceRequested, InferenceResponded]:
    """Return request and response of a span that is an inference.

    The ids are derived from the trace's, so a span that is exported twice is the same events again.

    Raises:
        Rejected: The span lacks an id or a time; or no configured app is named by `driftloop.app`,
            the requested model or `service.name`.
    """
    _require_whole(span)
    app = _app_of(span, apps)
    content = content_of(span)
    requested = _requested(span, app, content)
    return requested, _responded(span, requested, app, content)


def _require_whole(span: Span) -> None:
    told = {
        "trace id": span.trace_id.strip("0"),
        "span id": span.span_id.strip("0"),
        "start time": span.start_ns,
        "end time": span.end_ns,
    }
    if missing := [name for name, value in told.items() if not value]:
        raise Rejected(f"the span has no {', no '.join(missing)}")


def _app_of(span: Span, apps: Mapping[str, App]) -> App:
    named = (
        span.attributes.get("driftloop.app"),
        span.resource.get("driftloop.app"),
        first(span.attributes, REQUEST_MODEL),
        _parameters(span.attributes).get("model"),
        span.resource.get("service.name"),
    )
    return app_among(apps, named)


def app_among(apps: Mapping[str, App], names: Iterable[Attribute]) -> App:
    """Return the app that the first of several names is the name of.

    Raises:
        Rejected: None of them is.
    """
    for name in names:
        if isinstance(name, str) and name in apps:
            return apps[name]
    raise Rejected("neither driftloop.app nor the requested model nor service.name is a configured app")


def _requested(span: Span, app: App, content: Content) -> InferenceRequested:
    attributes, declared = span.attributes, declared_in(span)
    return InferenceRequested(
        event_id=derived_id("otlp", span.trace_id, span.span_id, "requested"),
        occurred_at=instant(span.start_ns),
        app=app.name,
        model=app.base_model,
        adapter_version=_version(attributes, app),
        variant=_variant(attributes),
        tenant=_tenant(span),
        request_id=request_id_of(span),
        messages=content.asked,
        session_id=text(attributes, _SESSION)[:NAME_LENGTH],
        user_id=text(attributes, _USER),
        tags={**_tags(attributes), **({"truncated": "true"} if content.cut else {})},
        trace_id=span.trace_id,
        span_id=span.span_id,
        sampling=_sampling(attributes),
        tools=declared.tools,
        response_schema=declared.response_schema,
        declared_left_out=declared.left_out,
    )


def _responded(span: Span, requested: InferenceRequested, app: App, content: Content) -> InferenceResponded:
    shared = {name: getattr(requested, name) for name in requested.__struct_fields__}
    usage = usage_of(span.attributes)
    error_type = error_type_of(span)
    models = (text(span.attributes, names) for names in (_RESPONSE_MODEL, REQUEST_MODEL))
    price = price_of(app, *models, app.base_model)
    return InferenceResponded(
        **{
            **shared,
            "event_id": derived_id("otlp", span.trace_id, span.span_id, "responded"),
            "occurred_at": instant(span.end_ns),
        },
        output=None if error_type else content.answered,
        finish_reason=content.finish_reason,
        usage=usage,
        latency_ms=max(0, span.end_ns - span.start_ns) / 1e6,
        ttft_ms=first_token_ms(span),
        cost_usd=cost_usd(price, usage, content.asked, failed=bool(error_type)),
        error_type=error_type,
    )


def request_id_of(span: Span) -> str:
    """Return the id by which feedback finds the call that a span tells of."""
    return answer_id(span) or f"{span.trace_id}-{span.span_id}"


def error_type_of(span: Span) -> str:
    """Return what a call failed of; empty when it went well."""
    told = text(span.attributes, ("error.type",))
    if not told and span.failed:
        raised = (text(event.attributes, ("exception.type",)) for event in span.events if event.name == "exception")
        told = next(filter(None, raised), "error")
    return told[:NAME_LENGTH]


def _version(attributes: Attributes, app: App) -> str:
    """A model name that is neither the app's nor the base's is more specific: the fine-tune."""
    given = attributes.get("driftloop.adapter_version")
    if given is not None:
        return str(given)
    model = text(attributes, _RESPONSE_MODEL)
    return "" if model in (app.name, app.base_model) else model


def _variant(attributes: Attributes) -> Variant:
    given = str(attributes.get("driftloop.variant") or "stable")
    return Variant(given) if given in set(Variant) else Variant.STABLE


def _tags(attributes: Attributes) -> dict[str, str]:
    return {
        name.removeprefix(prefix): str(value)
        for name, value in attributes.items()
        for prefix in _TAG_PREFIXES
        if name.startswith(prefix)
    }


def _tenant(span: Span) -> str:
    """OpenInference has what its user says of a call in `metadata`, as JSON."""
    told = text(span.attributes, TENANT) or text(_object_in(span.attributes, "metadata"), _IN_METADATA)
    return told or text(span.resource, TENANT)


def _parameters(attributes: Attributes) -> dict[str, Attribute]:
    return _object_in(attributes, _PARAMETERS)


def _object_in(attributes: Attributes, name: str) -> dict[str, Attribute]:
    written, _ = decoded(str(attributes.get(name) or "{}"))
    return dict(written) if isinstance(written, dict) else {}


def _sampling(attributes: Attributes) -> Sampling:
    parameters = _parameters(attributes)

    def told(name: str) -> object:
        value = attributes.get(f"gen_ai.request.{name}")
        return parameters.get(name) if value is None else value

    return Sampling(
        max_tokens=whole(told("max_tokens")),
        temperature=number(told("temperature")),
        top_p=number(told("top_p")),
        seed=whole(told("seed")),
        stream=first(attributes, _STREAM) is True or parameters.get("stream") is True,
    )


def instant(unix_ns: int) -> datetime:
    """Return a time of OTLP.

    Raises:
        Rejected: It is nobody's.
    """
    if not 0 < unix_ns < _MOST_NS:
        raise Rejected("time is out of range")
    return datetime.fromtimestamp(unix_ns / 1e9, UTC)
