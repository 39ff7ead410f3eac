"""Spans as three generations of instrumentations write them, all telling of one call."""

from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

TRACE, SPAN = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"

GENAI = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "vllm",
    "gen_ai.request.model": "prompt-guard-v3",
    "gen_ai.request.max_tokens": 64,
    "gen_ai.request.temperature": 0.5,
    "gen_ai.response.id": "chatcmpl-7",
    "gen_ai.response.finish_reasons": ["stop"],
    "gen_ai.response.time_to_first_chunk": 0.25,
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.output_tokens": 20,
    "gen_ai.usage.cache_read.input_tokens": 40,
    "gen_ai.usage.reasoning.output_tokens": 5,
    "gen_ai.conversation.id": "c-1",
    "gen_ai.system_instructions": '[{"type": "text", "content": "be brief"}]',
    "gen_ai.input.messages": '[{"role": "user", "parts": [{"type": "text", "content": "is it safe?"}]}]',
    "gen_ai.output.messages": (
        '[{"role": "assistant", "parts": [{"type": "text", "content": "safe"}, '
        '{"type": "tool_call", "id": "t", "name": "look", "arguments": {"a": 1}}], "finish_reason": "stop"}]'
    ),
}
OLDER = {
    "gen_ai.system": "openai",
    "gen_ai.request.model": "prompt-guard",
    "gen_ai.usage.prompt_tokens": 100,
    "gen_ai.usage.completion_tokens": 20,
    "gen_ai.prompt.0.role": "system",
    "gen_ai.prompt.0.content": "be brief",
    "gen_ai.prompt.1.role": "user",
    "gen_ai.prompt.1.content": "is it safe?",
    "gen_ai.completion.0.role": "assistant",
    "gen_ai.completion.0.content": "safe",
    "gen_ai.completion.0.finish_reason": "stop",
}
OPENINFERENCE = {
    "openinference.span.kind": "LLM",
    "llm.model_name": "prompt-guard",
    "llm.token_count.prompt": 100,
    "llm.token_count.completion": 20,
    "input.value": "is it safe?",
    "output.value": "safe",
    "session.id": "c-1",
    "user.id": "ada",
}


def exported(start_ns: int, *spans: dict[str, object], service: str = "prompt-guard") -> dict[str, Any]:
    """An ExportTraceServiceRequest in OTLP's JSON; each span takes 1.5 s and tells of an answer of its own."""
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": _pairs({"service.name": service})},
                "scopeSpans": [{"spans": [_span(number, start_ns, span) for number, span in enumerate(spans)]}],
            }
        ]
    }


def spans_of(export: dict[str, Any]) -> list[dict[str, Any]]:
    """The spans of what `exported` returned, to be spoilt in place."""
    return [*export["resourceSpans"][0]["scopeSpans"][0]["spans"]]


def as_protobuf(export: dict[str, object]) -> bytes:
    """The same export in protobuf."""
    message = ExportTraceServiceRequest()
    for part in export["resourceSpans"]:  # type: ignore[attr-defined]  # built by `exported`
        resource = message.resource_spans.add()
        _fill(resource.resource.attributes, part["resource"]["attributes"])
        scope = resource.scope_spans.add()
        for span in part["scopeSpans"][0]["spans"]:
            made = scope.spans.add()
            made.trace_id, made.span_id = bytes.fromhex(span["traceId"]), bytes.fromhex(span["spanId"])
            made.start_time_unix_nano = int(span["startTimeUnixNano"])
            made.end_time_unix_nano = int(span["endTimeUnixNano"])
            _fill(made.attributes, span["attributes"])
            for event in span.get("events", ()):
                _fill(
                    made.events.add(name=event["name"], time_unix_nano=event["timeUnixNano"]).attributes,
                    event["attributes"],
                )
    return bytes(message.SerializeToString())


def _span(number: int, start_ns: int, attributes: dict[str, object]) -> dict[str, object]:
    if number and attributes.get("gen_ai.response.id") == GENAI["gen_ai.response.id"]:
        attributes = {**attributes, "gen_ai.response.id": f"chatcmpl-7-{number}"}
    return {
        "traceId": TRACE,
        "spanId": f"{int(SPAN, 16) + number:016x}",
        "name": "chat",
        "kind": 3,
        "startTimeUnixNano": str(start_ns),
        "endTimeUnixNano": str(start_ns + 1_500_000_000),
        "attributes": _pairs(attributes),
    }


def _pairs(attributes: dict[str, object]) -> list[dict[str, object]]:
    return [{"key": name, "value": _value(value)} for name, value in attributes.items()]


def _value(value: object) -> dict[str, object]:
    match value:
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case list():
            return {"arrayValue": {"values": [_value(item) for item in value]}}
        case _:
            return {"stringValue": str(value)}


def _fill(target: object, pairs: list[dict[str, object]]) -> None:
    for pair in pairs:
        made = target.add()  # type: ignore[attr-defined]  # protobuf's repeated field has no stubs here
        made.key = pair["key"]
        _fill_value(made.value, pair["value"])


def _fill_value(made: object, value: object) -> None:
    match value:
        case {"intValue": number}:
            made.int_value = int(number)  # type: ignore[attr-defined]  # protobuf's AnyValue has no stubs here
        case {"doubleValue": number}:
            made.double_value = number  # type: ignore[attr-defined]  # as above
        case {"arrayValue": {"values": values}}:
            for item in values:
                _fill_value(made.array_value.values.add(), item)  # type: ignore[attr-defined]  # as above
        case {"stringValue": text}:
            made.string_value = text  # type: ignore[attr-defined]  # as above
