"""Calls at a steady rate, whether or not the answers keep up: `python -m tests.bench.open_loop PORT RATE SECONDS`.

A latency counts from the moment a call was due, so what waits for a late sender or a slow answer before
it is part of it. One thread, plain sockets and select, whose time-outs are exact to a tenth of a
millisecond where an event loop's are to one; garbage is not collected. Prints one line of JSON.
"""

import gc
import json
import select
import socket
import statistics
import sys
import time
from dataclasses import dataclass, field

_WARM = 16
_MOST = 900  # select takes no more than 1,024 files
_PROMPT = "Question %09d: " + "how does one get from the old harbour to the station by foot in the rain? " * 12
_BODY = json.dumps({"model": "app", "messages": [{"role": "user", "content": _PROMPT}]}).encode()
_HEAD = (
    b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\n\r\n" % len(_BODY % 0)
)
_LENGTH = b"content-length: "


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of a run.

    Attributes:
        latencies_ms: In the order of the answers.
        failed: Answers other than 200.
        cpu_share: Of one processor, that the sender itself took.
    """

    latencies_ms: list[float]
    failed: int
    cpu_share: float

    def figures(self) -> dict[str, float]:
        """Return percentiles in milliseconds, and what the sender cost."""
        cuts = statistics.quantiles(self.latencies_ms, n=1000)
        return {
            "calls": len(self.latencies_ms),
            "failed": self.failed,
            "p50_ms": round(cuts[499], 3),
            "p90_ms": round(cuts[899], 3),
            "p99_ms": round(cuts[989], 3),
            "max_ms": round(max(self.latencies_ms), 3),
            "sender_cpu": round(self.cpu_share, 3),
        }


@dataclass(slots=True)
class _Calls:
    """The calls under way, and the connections that wait for one."""

    port: int
    idle: list[socket.socket] = field(default_factory=list)
    due: dict[socket.socket, float] = field(default_factory=dict)
    received: dict[socket.socket, bytes] = field(default_factory=dict)
    latencies_ms: list[float] = field(default_factory=list)
    failed: int = 0

    def open(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    @property
    def may_send(self) -> bool:
        return bool(self.idle) or len(self.due) < _MOST

    def send(self, number: int, due: float) -> None:
        connection = self.idle.pop() if self.idle else self.open()
        self.due[connection], self.received[connection] = due, b""
        connection.sendall(_HEAD + _BODY % number)

    def receive(self, timeout_s: float) -> None:
        for connection in select.select(list(self.due), [], [], max(0.0, timeout_s))[0]:
            data = connection.recv(65536)
            if not data:
                raise ConnectionResetError("the server closed a connection in the middle of a call")
            self.received[connection] += data
            if _whole(self.received[connection]):
                self.latencies_ms.append(1000 * (time.perf_counter() - self.due.pop(connection)))
                self.failed += not self.received[connection].startswith(b"HTTP/1.1 200")
                self.idle.append(connection)


def _whole(received: bytes) -> bool:
    end, at = received.find(b"\r\n\r\n"), received.find(_LENGTH)
    return 0 <= at < end and len(received) >= end + 4 + int(received[at + len(_LENGTH) : received.index(b"\r", at)])


def run(port: int, rate: float, seconds: float, first: int = 0) -> Answered:
    """Send and return once everything is answered; prompts are numbered from `first`."""
    calls = _Calls(port)
    calls.idle = [calls.open() for _ in range(_WARM)]
    total, sent = int(rate * seconds), 0
    gc.disable()
    cpu, start = time.process_time(), time.perf_counter() + 0.05
    while sent < total or calls.due:
        while sent < total and calls.may_send and time.perf_counter() >= start + sent / rate:
            calls.send(first + sent, start + sent / rate)
            sent += 1
        calls.receive(start + sent / rate - time.perf_counter() if sent < total else 1.0)
    passed = time.perf_counter() - start
    for connection in calls.idle:
        connection.close()
    return Answered(calls.latencies_ms, calls.failed, (time.process_time() - cpu) / passed)


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])).figures()))
