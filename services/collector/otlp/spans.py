"""A span as both encodings of OTLP tell it."""

from collections.abc import Mapping
from dataclasses import dataclass

Scalar = str | bool | int | float | None
Attribute = Scalar | list["Attribute"] | dict[str, "Attribute"]
STATUS_ERROR = 2


@dataclass(frozen=True, slots=True)
class SpanEvent:
    """Something that happened within a span; the time is Unix nanoseconds, 0 where nobody says."""

    name: str
    time_ns: int
    attributes: Mapping[str, Attribute]


@dataclass(frozen=True, slots=True)
class Span:
    """A span with its resource's attributes; times are Unix nanoseconds, ids are hex.

    As it came: ids may be empty, and a time that nobody told is 0, as OTLP leaves out what is its default.
    """

    trace_id: str
    span_id: str
    start_ns: int
    end_ns: int
    attributes: Mapping[str, Attribute]
    resource: Mapping[str, Attribute]
    failed: bool = False
    events: tuple[SpanEvent, ...] = ()
    parent_id: str = ""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What stands where a span should, and why it is none."""

    reason: str


Exported = list[Span | Unreadable]
