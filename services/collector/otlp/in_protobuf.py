"""OTLP exports of traces and logs in protobuf. Pure.

A parser takes a message or leaves it, whole: one text that is no UTF-8, as senders cut them, and every span
of the export would be gone. An export that it leaves is taken apart by hand, down to its spans or log records.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # protobuf ships no stubs
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord as LogMessage
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage

from services.collector.otlp.spans import (
    STATUS_ERROR,
    Attribute,
    Exported,
    ExportedLogs,
    LogRecord,
    Scalar,
    Span,
    SpanEvent,
    Unreadable,
)
from services.collector.otlp.wire import Malformed, fields_in, texts_mended
from services.parts.ingress.errors import Refusal

# Field numbers of the exports of spans and of logs, their parts and scopes; published, so they never change.
_PARTS, _RESOURCE, _SCOPES, _ELEMENTS = 1, 1, 2, 2
_UNREADABLE = Unreadable("malformed protobuf")
Element = TypeVar("Element")
_Read = Callable[[Any, Mapping[str, Attribute]], Element]


def spans_in_protobuf(body: bytes) -> Exported:
    """Return the spans of an ExportTraceServiceRequest in protobuf, in order.

    Raises:
        Refusal: 400, not such a request.
    """
    export = ExportTraceServiceRequest()
    try:
        export.ParseFromString(body)
    except DecodeError:
        return _apart(body, SpanMessage, _span, "trace")  # what is wrong may be no more than half an emoji
    return [
        _span(span, resource)
        for part in export.resource_spans
        for resource in [_pairs(part.resource.attributes)]
        for scope in part.scope_spans
        for span in scope.spans
    ]


def logs_in_protobuf(body: bytes) -> ExportedLogs:
    """Return the records of an ExportLogsServiceRequest in protobuf, in order.

    Raises:
        Refusal: 400, not such a request.
    """
    export = ExportLogsServiceRequest()
    try:
        export.ParseFromString(body)
    except DecodeError:
        return _apart(body, LogMessage, _log, "log")
    return [
        _log(log, resource)
        for part in export.resource_logs
        for resource in [_pairs(part.resource.attributes)]
        for scope in part.scope_logs
        for log in scope.log_records
    ]


def _apart(body: bytes, kind: Any, read: "_Read[Element]", signal: str) -> list[Element | Unreadable]:
    try:
        return [element for part in fields_in(body, _PARTS) for element in _of_part(part, kind, read)]
    except Malformed as error:
        raise Refusal(400, f"the body is not an OTLP {signal} export in protobuf") from error


def _of_part(part: bytes, kind: Any, read: "_Read[Element]") -> list[Element | Unreadable]:
    found: list[Element | Unreadable] = []
    try:
        resource: dict[str, Attribute] = {}
        for data in fields_in(part, _RESOURCE):
            told = _parsed(Resource, data)
            resource |= _pairs(told.attributes) if told else {}
        for scope in fields_in(part, _SCOPES):
            found += _of_scope(scope, kind, read, resource)
    except Malformed:
        found.append(_UNREADABLE)
    return found


def _of_scope(
    scope: bytes, kind: Any, read: "_Read[Element]", resource: Mapping[str, Attribute]
) -> Iterator[Element | Unreadable]:
    try:
        for data in fields_in(scope, _ELEMENTS):
            message = _parsed(kind, data)
            yield _UNREADABLE if message is None else read(message, resource)
    except Malformed:
        yield _UNREADABLE


def _parsed(kind: Any, data: bytes) -> Any:
    """Return a message, its texts mended where it takes that; None when it is none."""
    try:
        return kind.FromString(data)
    except DecodeError:
        pass
    try:
        return kind.FromString(texts_mended(data, kind.DESCRIPTOR))
    except (DecodeError, Malformed):
        return None


def _log(log: LogMessage, resource: Mapping[str, Attribute]) -> LogRecord:
    return LogRecord.of(
        _pairs(log.attributes),
        _value(log.body),
        name=log.event_name,
        times_ns=(log.time_unix_nano, log.observed_time_unix_nano),
        ids=(log.trace_id.hex(), log.span_id.hex()),
        resource=resource,
    )


def _span(span: SpanMessage, resource: Mapping[str, Attribute]) -> Span:
    return Span(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        attributes=_pairs(span.attributes),
        resource=resource,
        failed=span.status.code == STATUS_ERROR,
        events=tuple(SpanEvent(event.name, event.time_unix_nano, _pairs(event.attributes)) for event in span.events),
        parent_id=span.parent_span_id.hex(),
    )


def _pairs(pairs: Iterable[Any]) -> dict[str, Attribute]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: Any) -> Attribute:
    kind = value.WhichOneof("value")
    found: Any = getattr(value, kind) if kind else None
    if kind == "array_value":
        return [_value(item) for item in found.values]
    if kind == "kvlist_value":
        return _pairs(found.values)
    if kind == "bytes_value":
        return str(found.hex())
    scalar: Scalar = found
    return scalar
