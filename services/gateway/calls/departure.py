"""Noticing that a client has left, so that nobody generates text for no one."""

import asyncio
from types import TracebackType

from starlette.types import Receive


class Departure:
    """A context that its task leaves early when the client disconnects; `left` tells so afterwards.

    Watching costs a task, so it begins only `after_s` seconds into the context: short calls pay for
    a timer alone. The request's body must have been read.
    """

    def __init__(self, receive: Receive, *, after_s: float) -> None:
        self.left = False
        self._receive, self._after_s = receive, after_s
        self._watcher: asyncio.Task[None] | None = None

    def __enter__(self) -> "Departure":
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._timer = asyncio.get_running_loop().call_later(self._after_s, self._watch)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> bool:
        self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()
        if self.left and isinstance(error, asyncio.CancelledError):
            self._task.uncancel()
            return True
        return False

    def _watch(self) -> None:
        self._watcher = asyncio.get_running_loop().create_task(self._wait())

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        # The task waits somewhere inside the context, so that is where the cancellation arrives.
        self.left = True
        self._task.cancel()
