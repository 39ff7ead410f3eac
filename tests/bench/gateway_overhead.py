"""What the gateway costs: the same calls straight to an upstream and through the gateway, in turn.

    python -m tests.bench.gateway_overhead [--seconds 5] [--connections 8]
    python -m tests.bench.gateway_overhead --stack [--rate 500] [--seconds 10] [--rounds 5]

The upstream answers 0.6 KB at once, the request has 1 KB. Rounds alternate, so that a busy machine
burdens both. The broker is an embedded one, or away with --broker-away; upstream, gateway and load
generator are processes of their own. With --stack it is tests.bench.stack_overhead that measures: calls
at a steady rate, with the whole stack of `driftloop up` behind the gateway.
"""

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.bench import stack_overhead
from tests.bench.machine import machine
from tests.fixtures.broker import Broker
from tests.fixtures.ports import free_port

_BODY = json.dumps({"model": "app", "messages": [{"role": "user", "content": "x" * 950}]}).encode()
_CHOICE = {"index": 0, "message": {"role": "assistant", "content": "y" * 400}, "finish_reason": "stop"}
_ANSWER = json.dumps(
    {
        "id": "up-1",
        "object": "chat.completion",
        "model": "base",
        "choices": [_CHOICE],
        "usage": {"prompt_tokens": 240, "completion_tokens": 100, "total_tokens": 340},
    }
).encode()
_ROUNDS = 3


@dataclass(frozen=True)
class Load:
    """One round of calls; latencies in milliseconds."""

    requests: int
    seconds: float
    p50: float
    p99: float


async def _load(url: str, seconds: float, connections: int) -> Load:
    latencies: list[float] = []
    deadline = time.perf_counter() + seconds

    async def call_on(session: aiohttp.ClientSession) -> None:
        while (started := time.perf_counter()) < deadline:
            async with session.post(f"{url}/v1/chat/completions", data=_BODY) as response:
                await response.read()
                response.raise_for_status()
            latencies.append((time.perf_counter() - started) * 1000)

    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(call_on(session) for _ in range(connections)))
    cuts = statistics.quantiles(latencies, n=100)
    return Load(len(latencies), seconds, cuts[49], cuts[98])


async def _upstream(_: Request) -> Response:
    return Response(_ANSWER, media_type="application/json")


def serve_upstream(port: int) -> None:
    """Serve the fixed answer until killed."""
    application = Starlette(routes=[Route("/v1/chat/completions", _upstream, methods=["POST"])])
    uvicorn.run(application, host="127.0.0.1", port=port, loop="uvloop", http="httptools", log_level="error")


@contextmanager
def _child(*command: str, environment: dict[str, str], port: int) -> Iterator[str]:
    with subprocess.Popen([sys.executable, "-m", *command], env={**os.environ, **environment}) as process:
        try:
            _wait_for(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nothing answers on port {port}")


def measure(folder: Path, broker: Broker, *, seconds: float, connections: int) -> dict[str, object]:
    """Return requests/s and latencies straight and through the gateway."""
    upstream_port, port = free_port(), free_port()
    (folder / "driftloop.yaml").write_text(
        f"apps: [{{name: app, base_model: base, upstreams: ['http://127.0.0.1:{upstream_port}']}}]"
    )
    environment = {
        **broker.environment,
        "DRIFTLOOP_DATA": str(folder),
        "DRIFTLOOP_CONFIG": str(folder / "driftloop.yaml"),
        "DRIFTLOOP_GATEWAY_PORT": str(port),
    }
    name = "tests.bench.gateway_overhead"
    with ExitStack() as stack:
        upstream = stack.enter_context(
            _child(name, "--serve", str(upstream_port), environment=environment, port=upstream_port)
        )
        gateway = stack.enter_context(_child("services.gateway", environment=environment, port=port))
        asyncio.run(_load(gateway, 1, connections))
        before = asyncio.run(_spent(gateway))
        straight, through = [], []
        for _ in range(_ROUNDS):
            straight.append(asyncio.run(_load(upstream, seconds, connections)))
            through.append(asyncio.run(_load(gateway, seconds, connections)))
        cpu_s, calls = asyncio.run(_spent(gateway)), sum(load.requests for load in through)
    return {
        "connections": connections,
        "direct": _figures(straight),
        "gateway": _figures(through),
        "gateway_cpu_ms_per_request": round(1000 * (cpu_s - before) / calls, 3),
    }


async def _spent(gateway: str) -> float:
    async with aiohttp.ClientSession() as session, session.get(f"{gateway}/metrics") as response:
        lines = (await response.text()).splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("process_cpu_seconds_total"))


def _figures(loads: list[Load]) -> dict[str, float]:
    return {
        "requests_per_s": round(statistics.median(load.requests / load.seconds for load in loads)),
        "p50_ms": round(statistics.median(load.p50 for load in loads), 3),
        "p99_ms": round(statistics.median(load.p99 for load in loads), 3),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--stack", action="store_true")
    parser.add_argument("--rate", type=float, default=500.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--broker-away", action="store_true")
    parser.add_argument("--serve", type=int, default=0, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve:
        serve_upstream(chosen.serve)
        return
    if chosen.stack:
        before = machine()
        with tempfile.TemporaryDirectory() as folder:
            rows = stack_overhead.measure(Path(folder), rate=chosen.rate, seconds=chosen.seconds, rounds=chosen.rounds)
        print(json.dumps({"bench": "stack_overhead", **rows, "machine": before}))
        return
    broker = Broker()
    if not chosen.broker_away:
        broker.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            figures = measure(Path(folder), broker, seconds=chosen.seconds, connections=chosen.connections)
    finally:
        broker.stop()
    print(json.dumps({"bench": "gateway_overhead", "broker": not chosen.broker_away, **figures}))


if __name__ == "__main__":
    main()
