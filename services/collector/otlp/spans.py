"""A span and a log record as both encodings of OTLP tell them."""

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
class LogRecord:
    """A log record with its resource's attributes, as it came.

    Attributes:
        name: The event that it is; empty where it is none.
        time_ns: Unix nanoseconds, of its observation where nobody says when it happened; 0 where nobody says either.
        attributes: Its own, and what its body has of them where that is an object.
    """

    name: str
    time_ns: int
    attributes: Mapping[str, Attribute]
    resource: Mapping[str, Attribute]
    trace_id: str = ""
    span_id: str = ""

    @classmethod
    def of(
        cls,
        told: Mapping[str, Attribute],
        body: Attribute,
        *,
        name: str,
        times_ns: tuple[int, int],
        ids: tuple[str, str],
        resource: Mapping[str, Attribute],
    ) -> "LogRecord":
        """Return a record of what both encodings have; older writers tell the event's name in an attribute.

        Args:
            times_ns: When it happened and when it was observed.
            ids: Of trace and span.
        """
        attributes = {**(body if isinstance(body, dict) else {}), **told}
        event = name or str(attributes.get("event.name") or "")
        return cls(event, times_ns[0] or times_ns[1], attributes, resource, *ids)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What stands where a span or a log record should, and why it is none."""

    reason: str


Exported = list[Span | Unreadable]
ExportedLogs = list[LogRecord | Unreadable]
