"""The collector as a process: OpenTelemetry's own ports beside its own, and done without where they are taken."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import httpx

from schemas.settings import LEAST_SPOOL_BYTES
from tests.fixtures.ports import free_port
from tests.fixtures.waiting import PATIENCE_S
from tests.services.collector import golden
from tests.services.collector.test_grpc import EXPORT
from tests.services.collector.test_traces import now_ns


@contextmanager
def collector(data: Path, port: int, otlp: int, otlp_grpc: int = 0) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a collector whose broker is away until its own port answers."""
    (data / "driftloop.yaml").write_text("apps: [{name: prompt-guard, base_model: base}]\n")
    variables = {
        "DRIFTLOOP_DATA": str(data),
        "DRIFTLOOP_CONFIG": str(data / "driftloop.yaml"),
        "DRIFTLOOP_KAFKA": f"127.0.0.1:{free_port()}",
        "DRIFTLOOP_COLLECTOR_PORT": str(port),
        "DRIFTLOOP_OTLP_PORT": str(otlp),
        "DRIFTLOOP_OTLP_GRPC_PORT": str(otlp_grpc or free_port()),
        "DRIFTLOOP_SPOOL_BYTES": str(LEAST_SPOOL_BYTES),
    }
    with subprocess.Popen([sys.executable, "-m", "services.collector"], env={**os.environ, **variables}) as child:
        try:
            wait_for(child, port)
            yield child
        finally:
            child.terminate()


def wait_for(child: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and child.poll() is None:
        try:
            httpx.get(f"http://127.0.0.1:{port}/healthz")
            return
        except httpx.TransportError:
            time.sleep(0.05)
    raise TimeoutError("the collector did not start")


def exported(port: int) -> int:
    body = json.dumps(golden.exported(now_ns(), golden.GENAI))
    url = f"http://127.0.0.1:{port}/v1/traces"
    return httpx.post(url, content=body, headers={"content-type": "application/json"}).status_code


def test_traces_are_taken_at_both_ports(tmp_path: Path) -> None:
    port, otlp = free_port(), free_port()
    with collector(tmp_path, port, otlp):
        assert [exported(port), exported(otlp)] == [200, 200]


def test_a_port_of_opentelemetry_that_is_taken_is_done_without(tmp_path: Path) -> None:
    port = free_port()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with collector(tmp_path, port, other.getsockname()[1]):
            assert exported(port) == 200


def test_a_port_of_opentelemetry_over_grpc_that_is_taken_is_done_without(tmp_path: Path) -> None:
    port = free_port()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with collector(tmp_path, port, free_port(), other.getsockname()[1]):
            assert exported(port) == 200


def test_a_stop_waits_for_no_sender_over_grpc(tmp_path: Path) -> None:
    port, over_grpc = free_port(), free_port()
    large = golden.exported(now_ns(), *[{**golden.GENAI, "gen_ai.input.messages": "x" * 400_000}] * 12)
    with collector(tmp_path, port, free_port(), over_grpc) as child:
        with grpc.insecure_channel(f"127.0.0.1:{over_grpc}") as channel:
            send = channel.unary_unary(EXPORT)
            send(golden.as_protobuf(golden.exported(now_ns(), golden.GENAI)), timeout=PATIENCE_S, wait_for_ready=True)
            waiting = send.future(golden.as_protobuf(large), timeout=PATIENCE_S)
            child.terminate()
            error = waiting.exception()
        assert error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
        assert "the spool holds" not in error.details()
        assert child.wait(PATIENCE_S) == 0
