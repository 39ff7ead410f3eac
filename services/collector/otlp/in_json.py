"""OTLP/HTTP trace exports in JSON. Pure.

Read by hand and span by span: OTLP writes ids as hex where protobuf's own JSON mapping has base64, leaves
out what has its default, and writers put `null` wherever they have nothing. What is wrong within a span
costs as little of it as can be.
"""

from collections.abc import Iterator, Mapping

from services.collector.mending import UNREADABLE, any_json
from services.collector.otlp.spans import STATUS_ERROR, Attribute, Exported, Span, SpanEvent, Unreadable
from services.parts.ingress.errors import Refusal

Json = Mapping[str, object]


def spans_in_json(body: bytes) -> Exported:
    """Return the spans of an ExportTraceServiceRequest in OTLP's JSON, in order.

    Raises:
        Refusal: 400, not such a request.
    """
    export = _decoded(body)
    if not isinstance(export, dict):
        raise Refusal(400, "the body is not an OTLP trace export in JSON", code="invalid_json")
    return [
        _span(span, resource)
        for part in _items(export, "resourceSpans")
        for resource in [_attributes(_field(part, "resource"))]
        for scope in _items(part, "scopeSpans")
        for span in _items(scope, "spans")
    ]


def _decoded(body: bytes) -> object:
    try:
        return any_json(body)
    except UNREADABLE as error:
        raise Refusal(400, "the body is not an OTLP trace export in JSON", code="invalid_json") from error


def _field(holder: object, name: str) -> object:
    return holder.get(name) if isinstance(holder, dict) else None


def _items(holder: object, name: str) -> list[object]:
    """Return the elements of a list. What should have been one is handed on, so that it is missed as a span."""
    if not isinstance(holder, dict):
        return [holder]
    value = holder.get(name)
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _span(span: object, resource: Mapping[str, Attribute]) -> Span | Unreadable:
    if not isinstance(span, dict):
        return Unreadable("not an object")
    status = _field(span.get("status"), "code")
    return Span(
        trace_id=_id(span.get("traceId")),
        span_id=_id(span.get("spanId")),
        start_ns=_whole(span.get("startTimeUnixNano")) or 0,
        end_ns=_whole(span.get("endTimeUnixNano")) or 0,
        attributes=_attributes(span),
        resource=resource,
        failed=status in (STATUS_ERROR, "STATUS_CODE_ERROR"),
        events=tuple(_events(span)),
        parent_id=_id(span.get("parentSpanId")),
    )


def _events(span: Json) -> Iterator[SpanEvent]:
    for event in _items(span, "events"):
        if isinstance(event, dict):
            yield SpanEvent(str(event.get("name")), _whole(event.get("timeUnixNano")) or 0, _attributes(event))


def _id(value: object) -> str:
    return value.lower() if isinstance(value, str) else ""


def _attributes(holder: object) -> dict[str, Attribute]:
    return _pairs(_field(holder, "attributes"))


def _pairs(pairs: object) -> dict[str, Attribute]:
    kept = [pair for pair in pairs if isinstance(pair, dict)] if isinstance(pairs, list) else []
    return {key: _value(pair.get("value")) for pair in kept if isinstance(key := pair.get("key"), str)}


def _value(value: object) -> Attribute:
    """Return what an AnyValue holds; None where that is nothing, or nothing of its type."""
    match value:
        case {"stringValue": str(text)} | {"bytesValue": str(text)}:
            return text
        case {"boolValue": bool(flag)}:
            return flag
        case {"intValue": int() | str() as number}:
            return _whole(number)
        case {"doubleValue": int() | float() | str() as number}:
            return _real(number)
        case {"arrayValue": {"values": list(values)}}:
            return [_value(item) for item in values]
        case {"kvlistValue": {"values": list(values)}}:
            return _pairs(values)
        case {"arrayValue": dict()}:
            return []
        case {"kvlistValue": dict()}:
            return {}
    return None


def _whole(value: object) -> int | None:
    try:
        return int(value) if isinstance(value, int | float | str) else None
    except (ValueError, OverflowError):
        return None


def _real(value: float | str) -> float | None:
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None
