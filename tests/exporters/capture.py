"""What an exporter writes, kept in tests/exporters/wire.

`python -m tests.exporters.capture PYTHON INSTRUMENTATION NAME`: PYTHON is that of an environment with the exporter.
Stack traces and what tells of a machine are left out.
"""

import base64
import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped]  # protobuf ships no stubs
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.exporters.stub import UPSTREAM
from tests.fixtures.http import Served

HERE = Path(__file__).parent
WIRE = HERE / "wire"
CALLS = HERE / "instrumented_calls.py"
INSTRUMENTATIONS = ("openllmetry", "openinference", "openllmetry+openinference")
_KEPT_OF_A_RESOURCE = ("service.name", "telemetry.sdk.language", "telemetry.sdk.name", "telemetry.sdk.version")
_LEFT_OUT = ("exception.stacktrace", "gen_ai.openai.api_base", "server.address", "server.port")


def main(python: str, instrumentation: str, name: str) -> None:
    """Write what an instrumentation tells of the calls into a file."""
    spans = [_as_otlp(part) for part in captured(python, instrumentation)]
    (WIRE / f"{name}.json").write_text(json.dumps({"resourceSpans": spans}, indent=1) + "\n")


def captured(python: str, name: str) -> list[dict[str, Any]]:
    """Return the resource spans that an instrumentation exports, as protobuf's JSON has them."""
    bodies: list[bytes] = []

    async def take(request: Request) -> Response:
        bodies.append(gzip.decompress(await request.body()))
        return Response(b"", media_type="application/x-protobuf")

    sink = Starlette(routes=[Route("/v1/traces", take, methods=["POST"])])
    with Served(sink) as exported, Served(UPSTREAM) as upstream:
        arguments = (name, "http", exported.url, f"{upstream.url}/v1", "prompt-guard")
        subprocess.run([python, str(CALLS), *arguments], check=True)
    return [
        part for body in bodies for part in MessageToDict(ExportTraceServiceRequest.FromString(body))["resourceSpans"]
    ]


def _as_otlp(part: dict[str, Any]) -> dict[str, Any]:
    """Return resource spans with ids in hex, as OTLP's JSON has them, and without what is the machine's."""
    part["resource"]["attributes"] = [
        pair for pair in part["resource"]["attributes"] if pair["key"] in _KEPT_OF_A_RESOURCE
    ]
    for scope in part["scopeSpans"]:
        for span in scope["spans"]:
            for name in ("traceId", "spanId", "parentSpanId"):
                if name in span:
                    span[name] = base64.b64decode(span[name]).hex()
            for holder in (span, *span.get("events", ())):
                pairs = holder.get("attributes", [])
                holder["attributes"] = [pair for pair in pairs if pair["key"] not in _LEFT_OUT]
    return part


if __name__ == "__main__":
    main(*sys.argv[1:])
