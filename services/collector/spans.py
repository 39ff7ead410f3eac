"""OTLP/HTTP trace exports, JSON and protobuf, as one kind of span. Pure.

JSON is read by hand: OTLP writes ids as hex where protobuf's own JSON mapping has base64.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # protobuf ships no stubs
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from services.parts.ingress.errors import Refusal

Scalar = str | bool | int | float | None
Attribute = Scalar | list["Attribute"] | dict[str, "Attribute"]
_ERROR = 2


@dataclass(frozen=True, slots=True)
class Span:
    """A span with its resource's attributes; times are Unix nanoseconds, ids are hex."""

    trace_id: str
    span_id: str
    start_ns: int
    end_ns: int
    attributes: Mapping[str, Attribute]
    resource: Mapping[str, Attribute]
    failed: bool = False


class _Value(msgspec.Struct, frozen=True, rename="camel"):
    string_value: str | None = None
    bool_value: bool | None = None
    int_value: int | str | None = None
    double_value: float | str | None = None
    array_value: "_Array | None" = None
    kvlist_value: "_Pairs | None" = None


class _Array(msgspec.Struct, frozen=True):
    values: tuple[_Value, ...] = ()


class _Pair(msgspec.Struct, frozen=True):
    key: str
    value: _Value = _Value()


class _Pairs(msgspec.Struct, frozen=True):
    values: tuple[_Pair, ...] = ()


class _Status(msgspec.Struct, frozen=True):
    code: int | str = 0


class _Span(msgspec.Struct, frozen=True, rename="camel"):
    trace_id: str
    span_id: str
    start_time_unix_nano: int | str
    end_time_unix_nano: int | str
    attributes: tuple[_Pair, ...] = ()
    status: _Status = _Status()


class _ScopeSpans(msgspec.Struct, frozen=True):
    spans: tuple[_Span, ...] = ()


class _Resource(msgspec.Struct, frozen=True):
    attributes: tuple[_Pair, ...] = ()


class _ResourceSpans(msgspec.Struct, frozen=True, rename="camel"):
    resource: _Resource = _Resource()
    scope_spans: tuple[_ScopeSpans, ...] = ()


class _Export(msgspec.Struct, frozen=True, rename="camel"):
    resource_spans: tuple[_ResourceSpans, ...] = ()


_EXPORT = msgspec.json.Decoder(_Export)


def spans_in_json(body: bytes) -> list[Span]:
    """Return the spans of an ExportTraceServiceRequest in OTLP's JSON.

    Raises:
        Refusal: 400, not such a request.
    """
    try:
        export = _EXPORT.decode(body)
        return [
            _of_json(span, _plain_pairs(part.resource.attributes))
            for part in export.resource_spans
            for scope in part.scope_spans
            for span in scope.spans
        ]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise Refusal(400, "the body is not an OTLP trace export in JSON", code="invalid_json") from error


def _of_json(span: _Span, resource: Mapping[str, Attribute]) -> Span:
    return Span(
        trace_id=span.trace_id.lower(),
        span_id=span.span_id.lower(),
        start_ns=int(span.start_time_unix_nano),
        end_ns=int(span.end_time_unix_nano),
        attributes=_plain_pairs(span.attributes),
        resource=resource,
        failed=span.status.code in (_ERROR, "STATUS_CODE_ERROR"),
    )


def _plain_pairs(pairs: Sequence[_Pair]) -> dict[str, Attribute]:
    return {pair.key: _plain(pair.value) for pair in pairs}


def _plain(value: _Value) -> Attribute:
    if value.array_value is not None:
        return [_plain(item) for item in value.array_value.values]
    if value.kvlist_value is not None:
        return _plain_pairs(value.kvlist_value.values)
    if value.int_value is not None:
        return int(value.int_value)
    if value.double_value is not None:
        return float(value.double_value)
    return value.bool_value if value.string_value is None else value.string_value


def spans_in_protobuf(body: bytes) -> list[Span]:
    """Return the spans of an ExportTraceServiceRequest in protobuf.

    Raises:
        Refusal: 400, not such a request.
    """
    export = ExportTraceServiceRequest()
    try:
        export.ParseFromString(body)
    except DecodeError as error:
        raise Refusal(400, "the body is not an OTLP trace export in protobuf") from error
    return list(_of_protobuf(export))


def _of_protobuf(export: ExportTraceServiceRequest) -> Iterator[Span]:
    for part in export.resource_spans:
        resource = _message_pairs(part.resource.attributes)
        for scope in part.scope_spans:
            for span in scope.spans:
                yield Span(
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    start_ns=span.start_time_unix_nano,
                    end_ns=span.end_time_unix_nano,
                    attributes=_message_pairs(span.attributes),
                    resource=resource,
                    failed=span.status.code == _ERROR,
                )


def _message_pairs(pairs: Iterable[Any]) -> dict[str, Attribute]:
    return {pair.key: _message_value(pair.value) for pair in pairs}


def _message_value(value: Any) -> Attribute:
    kind = value.WhichOneof("value")
    found: Any = getattr(value, kind) if kind else None
    if kind == "array_value":
        return [_message_value(item) for item in found.values]
    if kind == "kvlist_value":
        return _message_pairs(found.values)
    if kind == "bytes_value":
        return str(found.hex())
    scalar: Scalar = found
    return scalar
