"""A model server that takes its time: `python -m tests.bench.timed_upstream PORT [--delay-ms 20] [--interval-ms 10]`.

A request with `"stream": true` is answered with as many chunks as its `max_tokens` says, the first after the
delay, each of the others an interval later; each carries the moment of its writing on the machine's
monotonic clock. Everything else is answered whole after the delay. As cheap as Python can be, because it
shares the machine with what is measured.
"""

import argparse
import asyncio
import json
import re
import time
from typing import cast

import uvloop

_CHOICE = {"index": 0, "message": {"role": "assistant", "content": "y" * 400}, "finish_reason": "stop"}
_USAGE = {"prompt_tokens": 240, "completion_tokens": 100, "total_tokens": 340}
BODY = json.dumps(
    {"id": "up-1", "object": "chat.completion", "model": "base", "choices": [_CHOICE], "usage": _USAGE}
).encode()
_WHOLE = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(BODY), BODY)
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_CHUNK = (
    b'data: {"id":"up-1","object":"chat.completion.chunk","model":"base","choices":[{"index":0,"delta":'
    b'{"content":"%018d"},"finish_reason":null}]}\n\n'
)
_LAST = (
    b'data: {"id":"up-1","object":"chat.completion.chunk","model":"base","choices":[{"index":0,"delta":{},'
    b'"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
)
_LENGTH = re.compile(rb"content-length:\s*(\d+)", re.IGNORECASE)
_STREAM = re.compile(rb'"stream"\s*:\s*true')
_TOKENS = re.compile(rb'"max_tokens"\s*:\s*(\d+)')


class _Connection(asyncio.Protocol):
    """Answers one request after the other."""

    def __init__(self, delay_s: float, interval_s: float) -> None:
        self._delay_s, self._interval_s = delay_s, interval_s
        self._received = b""
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its ancestry

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, mark, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not mark or (length and len(body) < int(length[1])):
            return
        self._received = b""
        if _STREAM.search(body):
            tokens = _TOKENS.search(body)
            self._loop.call_later(self._delay_s, self._begin, int(tokens[1]) if tokens else 1)
        else:
            self._loop.call_later(self._delay_s, self._transport.write, _WHOLE)

    def _begin(self, chunks: int) -> None:
        self._transport.write(_HEAD)
        self._next(chunks, self._loop.time())

    def _next(self, left: int, due: float) -> None:
        if not left:
            self._transport.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(_LAST), _LAST))
            return
        chunk = _CHUNK % time.perf_counter_ns()
        self._transport.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        due += self._interval_s
        self._loop.call_at(due, self._next, left - 1, due)


async def serve(port: int, delay_s: float, interval_s: float) -> None:
    """Answer until killed."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(delay_s, interval_s), "127.0.0.1", port, backlog=2048)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("port", type=int)
    parser.add_argument("--delay-ms", type=float, default=20.0)
    parser.add_argument("--interval-ms", type=float, default=10.0)
    chosen = parser.parse_args()
    uvloop.run(serve(chosen.port, chosen.delay_ms / 1000, chosen.interval_ms / 1000))
