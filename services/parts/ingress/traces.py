"""W3C Trace Context: the `traceparent` header."""

import re
from typing import NamedTuple

_TRACEPARENT = re.compile(r"^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")


class TraceParent(NamedTuple):
    """The caller's trace and span; empty when it sent none, or none that is valid."""

    trace_id: str = ""
    span_id: str = ""


NO_TRACE = TraceParent()


def parse_traceparent(text: str) -> TraceParent:
    """Return the ids in a `traceparent` header (W3C Trace Context level 1)."""
    match = _TRACEPARENT.match(text)
    if match is None or not match[1].strip("0") or not match[2].strip("0") or text.startswith("ff"):
        return NO_TRACE
    return TraceParent(match[1], match[2])
