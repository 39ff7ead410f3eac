"""What the exporters wrote when `tests.exporters.capture` ran them, moved to the present."""

import base64
import json
import time
from pathlib import Path
from typing import Any

from google.protobuf.json_format import ParseDict  # type: ignore[import-untyped]  # protobuf ships no stubs
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_FOLDER = Path(__file__).parent / "wire"


def export_of(name: str) -> dict[str, Any]:
    """Return one export of all the spans of an instrumentation, in OTLP's JSON."""
    export: dict[str, Any] = json.loads((_FOLDER / f"{name}.json").read_text())
    spans = [span for part in export["resourceSpans"] for scope in part["scopeSpans"] for span in scope["spans"]]
    later = time.time_ns() - max(int(span["endTimeUnixNano"]) for span in spans)
    for span in spans:
        for holder in (span, *span.get("events", ())):
            for time_of in ("startTimeUnixNano", "endTimeUnixNano", "timeUnixNano"):
                if time_of in holder:
                    holder[time_of] = str(int(holder[time_of]) + later)
    return export


def as_protobuf(export: dict[str, Any]) -> bytes:
    """Return the same export in protobuf, whose JSON has ids in base64 where OTLP's has hex."""
    copy: dict[str, Any] = json.loads(json.dumps(export))
    for part in copy["resourceSpans"]:
        for scope in part["scopeSpans"]:
            for span in scope["spans"]:
                for name in ("traceId", "spanId", "parentSpanId"):
                    if name in span:
                        span[name] = base64.b64encode(bytes.fromhex(span[name])).decode()
    return bytes(ParseDict(copy, ExportTraceServiceRequest()).SerializeToString())
