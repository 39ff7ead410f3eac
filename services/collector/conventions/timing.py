"""When a streamed answer began, as spans tell it. Pure."""

from services.collector.conventions.attributes import number
from services.collector.otlp.spans import Span

_IN_SECONDS = (
    "gen_ai.response.time_to_first_chunk",
    "gen_ai.server.time_to_first_token",
    "gen_ai.latency.time_to_first_token",
)
_IN_MILLISECONDS = ("ai.response.msToFirstChunk",)
_FIRST_EVENTS = (
    "First Token Stream Event",  # OpenInference
    "llm.content.completion.chunk",  # OpenLLMetry, one event a chunk
    "gen_ai.content.completion.chunk",
    "ai.stream.firstChunk",  # Vercel's AI SDK
)


def first_token_ms(span: Span) -> float | None:
    """Return the time from the span's start to its first token; None where nobody says, or it lies before."""
    told = [(span.attributes.get(name), 1000.0) for name in _IN_SECONDS]
    told += [(span.attributes.get(name), 1.0) for name in _IN_MILLISECONDS]
    for value, scale in told:
        if (found := number(value)) is not None and 0 <= found * scale < float("inf"):
            return found * scale
    seen = [event.time_ns for event in span.events if event.name in _FIRST_EVENTS and event.time_ns >= span.start_ns]
    return (min(seen) - span.start_ns) / 1e6 if seen else None
