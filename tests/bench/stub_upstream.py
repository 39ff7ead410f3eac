"""A model server that answers at once with 0.6 KB, never the same: `python -m tests.bench.stub_upstream PORT`.

As cheap as Python can be, because it shares the machine with what is measured.
"""

import asyncio
import json
import sys
from collections.abc import Iterator
from itertools import count
from typing import cast

import uvloop

_CHOICE = {"index": 0, "message": {"role": "assistant", "content": "answer %08d " + "y" * 385}, "finish_reason": "stop"}
_ANSWER = json.dumps(
    {
        "id": "up-1",
        "object": "chat.completion",
        "model": "base",
        "choices": [_CHOICE],
        "usage": {"prompt_tokens": 240, "completion_tokens": 100, "total_tokens": 340},
    }
).encode()
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(_ANSWER % 0)
_LENGTH = b"content-length:"


class _Connection(asyncio.Protocol):
    """Answers each request once its body is there; requests name their length."""

    def __init__(self, numbers: Iterator[int]) -> None:
        self._numbers = numbers
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its ancestry

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := _end_of_request(self._received)) is not None:
            self._received = self._received[end:]
            self._transport.write(_HEAD + _ANSWER % next(self._numbers))


def _end_of_request(received: bytes) -> int | None:
    head, mark, body = received.partition(b"\r\n\r\n")
    if not mark:
        return None
    head = head.lower()
    at = head.find(_LENGTH)
    length = int(head[at + len(_LENGTH) :].split(b"\r\n", 1)[0]) if at >= 0 else 0
    return len(head) + len(mark) + length if len(body) >= length else None


async def serve(port: int) -> None:
    """Answer until killed."""
    numbers = count()
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(numbers), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
