"""Callers who each wait for their answer: `python -m tests.bench.callers PORT CALLERS SECONDS [--chunks N]`.

With --chunks each call is streamed, and what is timed besides is every chunk: from when the upstream
wrote it (tests.bench.timed_upstream) to its arrival here. Prints one line of JSON with milliseconds.
"""

import argparse
import asyncio
import gc
import json
import re
import statistics
import time
from dataclasses import dataclass, field
from typing import cast

import uvloop

_PROMPT = "how does one get from the old harbour to the station by foot in the rain? " * 12
_STAMP = re.compile(rb'"content":"(\d{18})"')
_LENGTH = re.compile(rb"content-length:\s*(\d+)", re.IGNORECASE)
_STREAM_END = b"0\r\n\r\n"


def request_of(port: int, chunks: int) -> bytes:
    """Return a call's bytes; streamed if it asks for chunks."""
    asked: dict[str, object] = {"model": "app", "messages": [{"role": "user", "content": _PROMPT}]}
    if chunks:
        asked |= {"stream": True, "max_tokens": chunks}
    body = json.dumps(asked).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n"
    return head.encode() + b"content-length: %d\r\n\r\n" % len(body) + body


@dataclass(slots=True)
class Times:
    """What was seen, in milliseconds: whole calls, their first chunks, and the delay of each chunk."""

    calls: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    chunks: list[float] = field(default_factory=list)
    failed: int = 0

    def figures(self, seconds: float) -> dict[str, float]:
        """Return the count, the rate and the percentiles."""
        row: dict[str, float] = {"calls": len(self.calls), "failed": self.failed}
        row["calls_per_s"] = round(len(self.calls) / seconds, 1)
        for name, values in (("", self.calls), ("first_", self.first), ("chunk_", self.chunks)):
            if len(values) > 1:
                cuts = statistics.quantiles(values, n=1000)
                row |= {f"{name}p50_ms": round(cuts[499], 3), f"{name}p99_ms": round(cuts[989], 3)}
        return row


class _Caller(asyncio.Protocol):
    """One connection that sends its next call when the last one is answered, until the deadline."""

    def __init__(self, request: bytes, deadline: float, times: Times, done: "asyncio.Future[None]") -> None:
        self._request, self._deadline, self._times, self._done = request, deadline, times, done
        self._received, self._first = b"", True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its ancestry
        self._send()

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter_ns()
        for stamp in _STAMP.findall(data):
            self._times.chunks.append((now - int(stamp)) / 1e6)
            if self._first:
                self._first = False
                self._times.first.append((now - self._sent) / 1e6)
        self._received += data
        if self._whole():
            self._times.calls.append((now - self._sent) / 1e6)
            self._times.failed += not self._received.startswith(b"HTTP/1.1 200")
            self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._times.failed += 1
            self._done.set_result(None)

    def _send(self) -> None:
        if time.perf_counter() >= self._deadline:
            self._done.set_result(None)
            self._transport.close()
            return
        self._received, self._first, self._sent = b"", True, time.perf_counter_ns()
        self._transport.write(self._request)

    def _whole(self) -> bool:
        head, mark, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        return bool(mark) and (len(body) >= int(length[1]) if length else self._received.endswith(_STREAM_END))


async def call(port: int, callers: int, seconds: float, chunks: int) -> Times:
    """Call until the time is over, and return once all are answered."""
    loop, times, request = asyncio.get_running_loop(), Times(), request_of(port, chunks)
    deadline = time.perf_counter() + seconds
    waiting = []
    for number in range(callers):
        done = loop.create_future()
        await loop.create_connection(lambda done=done: _Caller(request, deadline, times, done), "127.0.0.1", port)  # type: ignore[misc]  # a default binds
        waiting.append(done)
        if number % 50 == 49:
            await asyncio.sleep(0.05)
    await asyncio.gather(*waiting)
    return times


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("port", type=int)
    parser.add_argument("callers", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--chunks", type=int, default=0)
    chosen = parser.parse_args()
    gc.disable()
    seen = uvloop.run(call(chosen.port, chosen.callers, chosen.seconds, chosen.chunks))
    print(json.dumps(seen.figures(chosen.seconds)))
