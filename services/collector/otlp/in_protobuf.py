"""OTLP trace exports in protobuf. Pure.

A parser takes a message or leaves it, whole: one text that is no UTF-8, as senders cut them, and every span
of the export would be gone. An export that it leaves is taken apart by hand, down to its spans.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # protobuf ships no stubs
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage

from services.collector.otlp.spans import STATUS_ERROR, Attribute, Exported, Scalar, Span, SpanEvent, Unreadable
from services.collector.otlp.wire import Malformed, fields_in, texts_mended
from services.parts.ingress.errors import Refusal

# Field numbers of ExportTraceServiceRequest, ResourceSpans and ScopeSpans; published, so they never change.
_RESOURCE_SPANS, _RESOURCE, _SCOPE_SPANS, _SPANS = 1, 1, 2, 2
_UNREADABLE = Unreadable("malformed protobuf")


def spans_in_protobuf(body: bytes) -> Exported:
    """Return the spans of an ExportTraceServiceRequest in protobuf, in order.

    Raises:
        Refusal: 400, not such a request.
    """
    export = ExportTraceServiceRequest()
    try:
        export.ParseFromString(body)
        return list(_of_export(export))
    except DecodeError:
        pass  # what is wrong may be no more than half an emoji
    try:
        return list(_taken_apart(body))
    except Malformed as error:
        raise Refusal(400, "the body is not an OTLP trace export in protobuf") from error


def _of_export(export: ExportTraceServiceRequest) -> Iterator[Span]:
    for part in export.resource_spans:
        resource = _pairs(part.resource.attributes)
        for scope in part.scope_spans:
            for span in scope.spans:
                yield _span(span, resource)


def _taken_apart(body: bytes) -> Iterator[Span | Unreadable]:
    for part in fields_in(body, _RESOURCE_SPANS):
        try:
            yield from _of_part(part)
        except Malformed:
            yield _UNREADABLE


def _of_part(part: bytes) -> Iterator[Span | Unreadable]:
    resource: dict[str, Attribute] = {}
    for data in fields_in(part, _RESOURCE):
        told = _parsed(Resource, data)
        resource |= _pairs(told.attributes) if told else {}
    for scope in fields_in(part, _SCOPE_SPANS):
        try:
            yield from (_judged(data, resource) for data in fields_in(scope, _SPANS))
        except Malformed:
            yield _UNREADABLE


def _judged(data: bytes, resource: dict[str, Attribute]) -> Span | Unreadable:
    span = _parsed(SpanMessage, data)
    return _UNREADABLE if span is None else _span(span, resource)


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


def _span(span: SpanMessage, resource: dict[str, Attribute]) -> Span:
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
