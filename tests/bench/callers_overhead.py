"""What the gateway adds to a call, by the number of callers at once; `tests.bench.gateway_overhead` runs it.

Straight to an upstream of 20 ms, through a gateway that records (to Apache Kafka), and through one whose app
says `record: false`, in turn. Everything shares the machine's cores: callers, upstream, gateways, Kafka.
"""

import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

import httpx
import psutil

from tests.fixtures.kafka import KafkaNode
from tests.fixtures.ports import free_port

_UPSTREAM = "http://127.0.0.1:{}"
_DRAINED_WITHIN_S = 60.0
Row = dict[str, float]


class Listens(Protocol):
    """Something with a port."""

    @property
    def port(self) -> int: ...


class Service:
    """A process of the measurement: its port, its processor time, its memory."""

    def __init__(self, port: int, pid: int) -> None:
        self._port, self._process = port, psutil.Process(pid)

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._port

    @property
    def cpu_s(self) -> float:
        """Processor seconds so far, without those of its children."""
        return _spent_by(self._process)

    @property
    def forwarding_cpu_s(self) -> float:
        """Processor seconds so far of its children: what carries a gateway's events to Kafka."""
        return sum(_spent_by(child) for child in self._process.children())

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.is_running() and self._process.status() != psutil.STATUS_ZOMBIE

    @property
    def memory_mb(self) -> float:
        """Resident memory, its children's with it."""
        return sum(each.memory_info().rss for each in (self._process, *self._process.children())) / 1e6

    @property
    def forwarding_mb(self) -> float:
        """Resident memory of its children: what carries a gateway's events to Kafka."""
        return sum(child.memory_info().rss for child in self._process.children()) / 1e6

    def metric(self, name: str) -> float:
        """Return the sum of a metric's series."""
        lines = httpx.get(f"http://127.0.0.1:{self.port}/metrics").text.splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith((name + " ", name + "{")))

    def wait_until_forwarded(self) -> None:
        """Return once the broker has acknowledged all that is on the spool."""
        deadline = time.monotonic() + _DRAINED_WITHIN_S
        while self.metric("driftloop_spool_waiting") > 0:
            if time.monotonic() > deadline:
                raise TimeoutError("the broker does not keep up")
            time.sleep(0.05)


@contextmanager
def kafka() -> Iterator[KafkaNode]:
    """Run Apache Kafka as a deployment does, with the catalogue's topics."""
    broker = KafkaNode(options=())
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


@contextmanager
def upstream_of(delay_ms: float, interval_ms: float = 10.0) -> Iterator[Service]:
    """Run tests.bench.timed_upstream."""
    port = free_port()
    options = [str(port), "--delay-ms", str(delay_ms), "--interval-ms", str(interval_ms)]
    with _process("tests.bench.timed_upstream", *options, port=port, environment={}) as pid:
        yield Service(port, pid)


@contextmanager
def gateway_of(
    folder: Path, upstream: Listens, broker: KafkaNode, *, record: bool = True, app: str = "app"
) -> Iterator[Service]:
    """Run a gateway before an upstream."""
    folder.mkdir(parents=True, exist_ok=True)
    address = _UPSTREAM.format(upstream.port)
    configuration = folder / "driftloop.yaml"
    configuration.write_text(
        f"apps: [{{name: {app}, base_model: base, record: {str(record).lower()}, upstreams: ['{address}']}}]"
    )
    port = free_port()
    environment = {
        **broker.environment,
        "DRIFTLOOP_DATA": str(folder),
        "DRIFTLOOP_CONFIG": str(configuration),
        "DRIFTLOOP_GATEWAY_PORT": str(port),
    }
    with _process("services.gateway", port=port, environment=environment) as pid:
        yield Service(port, pid)


@contextmanager
def _process(module: str, *options: str, port: int, environment: Mapping[str, str]) -> Iterator[int]:
    command = [sys.executable, "-m", module, *options]
    with subprocess.Popen(command, env={**os.environ, **environment}, start_new_session=True) as process:
        try:
            _wait_for(port)
            yield process.pid
        finally:
            process.terminate()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nothing answers on port {port}")


def called(port: int, callers: int, seconds: float, chunks: int = 0) -> Row:
    """Return the figures of tests.bench.callers, in a process and session of its own."""
    command = [sys.executable, "-m", "tests.bench.callers", str(port), str(callers), str(seconds)]
    command += ["--chunks", str(chunks)] if chunks else []
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, start_new_session=True)
    row: Row = json.loads(done.stdout)
    if row["failed"]:
        raise RuntimeError(f"{row['failed']} calls failed")
    return row


def measure(folder: Path, *, callers: tuple[int, ...], seconds: float, rounds: int) -> dict[str, object]:
    """Return what is added to whole and to streamed calls, by callers; and the gateways' memory."""
    with ExitStack() as stack:
        broker = stack.enter_context(kafka())
        upstream = stack.enter_context(upstream_of(20.0))
        on = stack.enter_context(gateway_of(folder / "on", upstream, broker))
        off = stack.enter_context(gateway_of(folder / "off", upstream, broker, record=False))
        ways = {"straight": upstream, "recorded": on, "unrecorded": off}
        for way in ways.values():
            called(way.port, 8, 1.0)
        rows = {str(number): _compared(ways, number, seconds, rounds) for number in callers}
        streamed = {str(number): _compared(ways, number, seconds, rounds, chunks=50) for number in (1, 16)}
        on.wait_until_forwarded()
        memory = {name: round(way.memory_mb) for name, way in ways.items()}
    return {"upstream_ms": 20, "rounds": rounds, "callers": rows, "streamed": streamed, "memory_mb": memory}


def _compared(
    ways: Mapping[str, Service], callers: int, seconds: float, rounds: int, chunks: int = 0
) -> dict[str, object]:
    seen: dict[str, list[Row]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            seen[name].append(called(way.port, callers, seconds, chunks))
            if name == "recorded":
                way.wait_until_forwarded()
    middle = {name: _medians(rows) for name, rows in seen.items()}
    straight = middle["straight"]
    added = {name: _added(row, straight) for name, row in middle.items() if name != "straight"}
    return {
        "straight": straight,
        "added": added,
        "calls_per_s": {name: row["calls_per_s"] for name, row in middle.items()},
    }


def _medians(rows: list[Row]) -> Row:
    return {name: round(statistics.median(row[name] for row in rows), 3) for name in rows[0]}


def _added(row: Row, straight: Row) -> Row:
    return {name: round(row[name] - straight[name], 3) for name in row if name.endswith("_ms")}


def capacity(folder: Path, *, seconds: float, rounds: int) -> dict[str, object]:
    """Return how many calls a gateway answers before an upstream that answers at once, a second and a processor second.

    Sixteen callers; `calls_per_core_s` is calls by the processor seconds of the process that answers, and
    `forwarding_ms_per_call` what the process takes besides that forwards to Kafka.
    """
    with ExitStack() as stack:
        broker = stack.enter_context(kafka())
        upstream = stack.enter_context(upstream_of(0.0))
        rows: dict[str, object] = {}
        for record in (True, False):
            gateway = stack.enter_context(gateway_of(folder / str(record), upstream, broker, record=record))
            called(gateway.port, 16, 1.0)
            seen = [_spent(gateway, seconds) for _ in range(rounds)]
            rows["recorded" if record else "unrecorded"] = _medians(seen)
    return rows


def _spent(gateway: Service, seconds: float) -> Row:
    before, forwarded_before = gateway.cpu_s, gateway.forwarding_cpu_s
    row = called(gateway.port, 16, seconds)
    gateway.wait_until_forwarded()
    spent, forwarding = gateway.cpu_s - before, gateway.forwarding_cpu_s - forwarded_before
    return {
        "calls_per_s": row["calls_per_s"],
        "calls_per_core_s": round(row["calls"] / spent),
        "cpu_ms_per_call": round(1000 * spent / row["calls"], 3),
        "forwarding_ms_per_call": round(1000 * forwarding / row["calls"], 3),
    }


def _spent_by(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def streams(folder: Path, *, at_once: int, seconds: float) -> dict[str, object]:
    """Return what the gateway adds to each chunk of many streams at once: one chunk a second each."""
    with ExitStack() as stack:
        broker = stack.enter_context(kafka())
        upstream = stack.enter_context(upstream_of(20.0, interval_ms=1000.0))
        gateway = stack.enter_context(gateway_of(folder, upstream, broker))
        called(gateway.port, 16, 1.0)
        chunks = max(2, int(seconds))
        straight = called(upstream.port, at_once, seconds, chunks)
        through = called(gateway.port, at_once, seconds, chunks)
        gateway.wait_until_forwarded()
    return {"streams": at_once, "chunks_each": chunks, "straight": straight, "added": _added(through, straight)}


def flat(folder: Path, *, seconds: float, rate_callers: int = 8) -> dict[str, object]:
    """Return the gateway's memory over a long run, by tenths of it, recording on; that of what delivers to Kafka is
    among it, and told besides.
    """
    with ExitStack() as stack:
        broker = stack.enter_context(kafka())
        upstream = stack.enter_context(upstream_of(20.0))
        gateway = stack.enter_context(gateway_of(folder, upstream, broker))
        called(gateway.port, rate_callers, seconds / 20)
        memory, forwarding, calls = [], [], 0.0
        for part in range(10):
            calls += called(gateway.port, rate_callers, seconds / 10, 20 if part % 2 else 0)["calls"]
            gateway.wait_until_forwarded()
            memory.append(round(gateway.memory_mb, 1))
            forwarding.append(round(gateway.forwarding_mb, 1))
    return {
        "seconds": seconds,
        "calls": calls,
        "memory_mb_by_tenth": memory,
        "of_it_forwarding_mb": forwarding,
        "last_by_third": round(memory[-1] / memory[2], 3),
    }
