"""OTLP/HTTP exports of traces and logs in JSON. Pure.

Read by hand and element by element: OTLP writes ids as hex where protobuf's own JSON mapping has base64, leaves
out what has its default, and writers put `null` wherever they have nothing. What is wrong within a span costs
as little of it as can be.
"""

from collections.abc import Iterator, Mapping

from services.collector.mending import UNREADABLE, any_json
from services.collector.otlp.spans import (
    STATUS_ERROR,
    Attribute,
    Exported,
    ExportedLogs,
    LogRecord,
    Span,
    SpanEvent,
    Unreadable,
)
from services.parts.ingress.errors import Refusal

Json = Mapping[str, object]


def spans_in_json(body: bytes) -> Exported:
    """Return the spans of an ExportTraceServiceRequest in OTLP's JSON, in order.

    Raises:
        Refusal: 400, not such a request.
    """
    return [
        _span(span, resource) for span, resource in _elements(body, ("resourceSpans", "scopeSpans", "spans"), "trace")
    ]


def logs_in_json(body: bytes) -> ExportedLogs:
    """Return the records of an ExportLogsServiceRequest in OTLP's JSON, in order.

    Raises:
        Refusal: 400, not such a request.
    """
    return [
        _log(log, resource) for log, resource in _elements(body, ("resourceLogs", "scopeLogs", "logRecords"), "log")
    ]


def _elements(
    body: bytes, names: tuple[str, str, str], signal: str
) -> Iterator[tuple[object, Mapping[str, Attribute]]]:
    """Yield what is exported with its resource's attributes; `names` are those of parts, scopes and elements."""
    export = _decoded(body, signal)
    for part in _items(export, names[0]):
        resource = _attributes(_field(part, "resource"))
        for scope in _items(part, names[1]):
            for element in _items(scope, names[2]):
                yield element, resource


def _decoded(body: bytes, signal: str) -> Json:
    said = f"the body is not an OTLP {signal} export in JSON"
    try:
        export = any_json(body)
    except UNREADABLE as error:
        raise Refusal(400, said, code="invalid_json") from error
    if not isinstance(export, dict):
        raise Refusal(400, said, code="invalid_json")
    return export


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


def _log(log: object, resource: Mapping[str, Attribute]) -> LogRecord | Unreadable:
    if not isinstance(log, dict):
        return Unreadable("not an object")
    name = log.get("eventName")
    return LogRecord.of(
        _attributes(log),
        _value(log.get("body")),
        name=name if isinstance(name, str) else "",
        times_ns=(_whole(log.get("timeUnixNano")) or 0, _whole(log.get("observedTimeUnixNano")) or 0),
        ids=(_id(log.get("traceId")), _id(log.get("spanId"))),
        resource=resource,
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
