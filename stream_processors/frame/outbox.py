"""Records on their way to the broker, in order; a commit waits until it is empty."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from schemas.codec import encode, headers_of
from schemas.record import Record
from schemas.topics import key_of, topic_of

Send = Callable[..., Awaitable[Awaitable[Any]]]
HIGH_WATER = 2000


class Outbox:
    """Hands records to the producer one after another and remembers which are unacknowledged.

    Putting never waits, so a handler changes its state and emits without a point at which a
    rebalance could come between. Back-pressure is `ease`, called between batches.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._queue: asyncio.Queue[Record] = asyncio.Queue()
        self._in_flight: set[asyncio.Future[Any]] = set()
        self._error: BaseException | None = None

    def put(self, records: Iterable[Record]) -> None:
        """Queue records for sending."""
        for record in records:
            self._queue.put_nowait(record)

    async def run(self) -> None:
        """Send until cancelled.

        Raises:
            Exception: The producer refused a record or its broker did.
        """
        while True:
            record = await self._queue.get()
            sent = await self._send(
                topic_of(record).name, key=key_of(record), value=encode(record), partition=None, timestamp=None,
                headers=headers_of(record),
            )  # fmt: skip
            future = asyncio.ensure_future(sent)
            self._in_flight.add(future)
            future.add_done_callback(self._acknowledge)
            self._queue.task_done()
            if self._error is not None:
                raise self._error

    def _acknowledge(self, future: "asyncio.Future[Any]") -> None:
        self._in_flight.discard(future)
        if not future.cancelled() and future.exception() is not None:
            self._error = future.exception()

    async def drain(self) -> None:
        """Return once everything put so far is acknowledged by the broker.

        Raises:
            Exception: A record could not be delivered.
        """
        await self._queue.join()
        if self._in_flight:
            await asyncio.wait(set(self._in_flight))
        if self._error is not None:
            raise self._error

    async def ease(self) -> None:
        """Wait while too much is under way."""
        if self._queue.qsize() + len(self._in_flight) > HIGH_WATER:
            await self.drain()
