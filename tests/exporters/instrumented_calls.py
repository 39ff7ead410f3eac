"""A client with an instrumentation of the `openai` package: one call of each kind, its spans exported by OTLP.

Runs in the exporters' own environment (tests/exporters/requirements.txt) and imports nothing of ours:
`python instrumented_calls.py INSTRUMENTATIONS grpc|http EXPORT_TO BASE_URL MODEL`. A call's kind is its prompt.
"""

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import openai
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter

USER, SESSION, TENANT = "ada", "session-7", "acme"
TOOL = {
    "type": "function",
    "function": {
        "name": "look_up",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


class Associated(SpanProcessor):  # type: ignore[misc]  # OpenTelemetry's types are skipped
    """Sets what OpenLLMetry's own SDK sets on every span for `set_association_properties`."""

    def on_start(self, span: Span, parent_context: object = None) -> None:
        """Say who calls."""
        for name, value in (("user_id", USER), ("session_id", SESSION), ("tenant", TENANT)):
            span.set_attribute(f"traceloop.association.properties.{name}", value)

    def on_end(self, span: ReadableSpan) -> None:
        """Leave it as it is."""


def exporter(protocol: str, target: str) -> SpanExporter:
    """Return the exporter of a protocol, gzip switched on."""
    if protocol == "grpc":
        from grpc import Compression
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as OverGrpc

        return OverGrpc(endpoint=target, insecure=True, compression=Compression.Gzip)
    from opentelemetry.exporter.otlp.proto.http import Compression as HttpCompression
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as OverHttp

    return OverHttp(endpoint=f"{target}/v1/traces", compression=HttpCompression.Gzip)


def instrumented(names: list[str], provider: TracerProvider) -> contextlib.AbstractContextManager[Any]:
    """Switch instrumentations on; return what says who calls."""
    who: contextlib.AbstractContextManager[Any] = contextlib.nullcontext()
    if "openllmetry" in names:
        from opentelemetry.instrumentation.openai import OpenAIInstrumentor as OpenLLMetry

        provider.add_span_processor(Associated())
        OpenLLMetry().instrument(tracer_provider=provider)
    if "openinference" in names:
        from openinference.instrumentation import using_attributes
        from openinference.instrumentation.openai import OpenAIInstrumentor as OpenInference

        OpenInference().instrument(tracer_provider=provider)
        who = using_attributes(session_id=SESSION, user_id=USER, metadata={"tenant": TENANT})
    return who


def plain(client: Any, model: str) -> None:
    """A whole answer, with cached and reasoning tokens."""
    client.chat.completions.create(model=model, messages=_asked("plain"), temperature=0.5, max_tokens=64, user=USER)


def streamed(client: Any, model: str) -> None:
    """A streamed answer, its usage at the end."""
    usage = {"include_usage": True}
    chunks = client.chat.completions.create(model=model, messages=_asked("streamed"), stream=True, stream_options=usage)
    assert [chunk for chunk in chunks]


def tool_call(client: Any, model: str) -> None:
    """An answer that is a call of a tool."""
    client.chat.completions.create(model=model, messages=_asked("tool_call"), tools=[TOOL])


def failed(client: Any, model: str) -> None:
    """A call that the upstream refuses."""
    with contextlib.suppress(openai.APIStatusError):
        client.chat.completions.create(model=model, messages=_asked("failed"))


def _asked(kind: str) -> Any:
    return [{"role": "system", "content": "be brief"}, {"role": "user", "content": kind}]


def _kinds() -> Iterator[Callable[[Any, str], None]]:
    yield from (plain, streamed, tool_call, failed)


def main(instrumentations: str, protocol: str, target: str, base_url: str, model: str) -> None:
    """Make the calls; every span is exported before the next call begins."""
    provider = TracerProvider(resource=Resource.create({"service.name": model}))
    provider.add_span_processor(SimpleSpanProcessor(exporter(protocol, target)))
    trace.set_tracer_provider(provider)
    who = instrumented(instrumentations.split("+"), provider)
    client = openai.OpenAI(base_url=base_url, api_key="unused", max_retries=0)
    with who:
        for call in _kinds():
            call(client, model)
    provider.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
