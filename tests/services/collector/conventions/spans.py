"""Builders of spans and of the events that the conventions make of them."""

from schemas.inference import InferenceRequested, InferenceResponded
from services.collector.conventions.calls import events_of
from services.collector.otlp.spans import Attribute, Span, SpanEvent
from tests.services.collector.conftest import APP
from tests.services.collector.golden import SPAN, TRACE

START_NS = 1_790_000_000_000_000_000


def event(name: str, after_ms: int = 0, /, **attributes: Attribute) -> SpanEvent:
    """Something that happened within a span; double underscores in names are dots."""
    return SpanEvent(
        name, START_NS + after_ms * 1_000_000, {key.replace("__", "."): v for key, v in attributes.items()}
    )


def span(attributes: dict[str, Attribute], *events: SpanEvent, failed: bool = False) -> Span:
    """A call of 1.5 s."""
    end_ns = START_NS + 1_500_000_000
    return Span(TRACE, SPAN, START_NS, end_ns, attributes, {"service.name": APP.name}, failed, events)


def read(
    attributes: dict[str, Attribute], *events: SpanEvent, failed: bool = False
) -> tuple[InferenceRequested, InferenceResponded]:
    """Request and response of such a span."""
    return events_of(span(attributes, *events, failed=failed), {APP.name: APP})
