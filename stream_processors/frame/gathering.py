"""Messages between Faust's stream and a handler. Faust hands them over singly; handling them together is cheaper.

Called one message at a time, the frame cost as much as half of Faust's own work for it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from faust.types import Message

LINGER_S = 0.005
AT_ONCE_BYTES = 4 * 1024 * 1024

Deal = Callable[[Sequence[Message]], Awaitable[None]]


class Gathering:
    """Gathers messages for LINGER_S, or until they are many or large, and has them dealt with in order.

    Holds twice as many at most: those that are being dealt with, and the next ones.

    Args:
        deal: Deals with some messages; never called twice at once.
        most: Messages at once.
    """

    def __init__(self, deal: Deal, most: int) -> None:
        self._deal = deal
        self._most = most
        self._messages: list[Message] = []
        self._size = 0
        self._some = asyncio.Event()
        self._dealing = asyncio.Lock()

    async def put(self, message: Message) -> None:
        """Take a message; waits while there is no room."""
        self._messages.append(message)
        self._size += len(message.value or b"")
        self._some.set()
        if len(self._messages) >= self._most or self._size >= AT_ONCE_BYTES:
            await self._flush()

    async def run(self) -> None:
        """Have what was gathered dealt with, until cancelled.

        Raises:
            Exception: What dealing raises.
        """
        while True:
            await self._some.wait()
            await asyncio.sleep(LINGER_S)
            await self._flush()

    async def _flush(self) -> None:
        async with self._dealing:
            messages, self._messages, self._size = self._messages, [], 0
            self._some.clear()
            if messages:
                await self._deal(messages)
