"""Events onto the spool, from the event loop, each under its app's privacy: none gets there another way.

`note` is for what nobody has been answered for yet: it is made and written within some milliseconds, while the
upstream works. `answered` and `keep` are for what an answer depends on: written before the caller goes on.
What has long texts is made aside (services.gateway.recording.aside), and only its own caller waits for it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from schemas.feedback import FeedbackGiven
from schemas.inference import InferenceRequested, InferenceResponded
from services.gateway.recording.aside import Aside
from services.gateway.recording.entries import MOST_AT_HAND, Recorded, made_at_hand, size_of
from services.parts.spool.entries import Entry
from services.parts.spool.spool import Spool
from services.privacy.policies import Policies

_LOG = logging.getLogger(__name__)
# A write costs as much as an event; calls that come together share one.
_SOON_S = 0.005
_AT_ONCE = 32
_LEFT_S = 1.5


class Recorder:
    """Writes events, several in one write when they come together; those of one call in their order.

    Used from the event loop only. Never raises for want of room: the spool drops its oldest and
    counts. `note` and `answered` raise nothing at all, because a user's call must not fail for the
    sake of its own record; `unrecorded` is called for what could not be recorded.
    """

    def __init__(self, spool: Spool, unrecorded: Callable[[], None], policies: Policies, aside: Aside) -> None:
        self._spool, self._unrecorded = spool, unrecorded
        self._policies, self._aside = policies, aside
        self._noted: dict[str, Callable[[], InferenceRequested]] = {}
        self._pending: list[Entry] = []
        self._due = False
        self._aside_now: set[asyncio.Task[None]] = set()

    def note(self, request_id: str, make: Callable[[], InferenceRequested]) -> None:
        """Have the event of a call's arrival made and written soon."""
        self._noted[request_id] = make
        if not self._due:
            self._due = True
            asyncio.get_running_loop().call_later(_SOON_S, self._write_noted)

    def answered(self, request_id: str, make: Callable[[], InferenceResponded]) -> Awaitable[None] | None:
        """Write the event of a call's end, and its arrival's if that is not written yet, before returning.

        What is returned instead, for long texts, is to be awaited before the call is answered.
        """
        if (noted := self._noted.pop(request_id, None)) is not None:
            self._quietly(lambda: self._made(noted()))
        return self._quietly(lambda: self._written(make()))

    async def keep(self, *events: FeedbackGiven) -> None:
        """Write events before returning; raises when they can't be."""
        if sum(map(size_of, events)) > MOST_AT_HAND:
            entries = [await self._aside.entry(event) for event in events]
        else:
            entries = [made_at_hand(event, self._policies) for event in events]
        if entries:
            self._spool.append(entries)

    async def close(self) -> None:
        """Write what is left to write, and let go of the process aside."""
        while self._noted:
            self._write_noted()
        self.flush()
        if self._aside_now:
            await asyncio.wait(self._aside_now, timeout=_LEFT_S)
        self._aside.close()

    def flush(self) -> None:
        """Write what is made."""
        pending, self._pending = self._pending, []
        if pending:
            self._spool.append(pending)

    def _write_noted(self) -> None:
        """Make one entry, and come again for the next after what else the loop has to do."""
        if self._noted:
            make = self._noted.pop(next(iter(self._noted)))
            self._quietly(lambda: self._made(make()))
        if self._noted:
            asyncio.get_running_loop().call_soon(self._write_noted)
        else:
            self._due = False
        if not self._noted or len(self._pending) >= _AT_ONCE:
            self._quietly(self.flush)

    def _made(self, event: InferenceRequested) -> None:
        if size_of(event) > MOST_AT_HAND:
            self._aside_soon(event)
        else:
            self._pending.append(made_at_hand(event, self._policies))

    def _written(self, event: InferenceResponded) -> Awaitable[None] | None:
        if size_of(event) > MOST_AT_HAND:
            # Who leaves meanwhile takes only himself away.
            return asyncio.shield(self._aside_soon(event))
        self._pending.append(made_at_hand(event, self._policies))
        self.flush()
        return None

    def _aside_soon(self, event: Recorded) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(self._written_aside(event))
        self._aside_now.add(task)
        task.add_done_callback(self._aside_now.discard)
        return task

    async def _written_aside(self, event: Recorded) -> None:
        try:
            self._spool.append([await self._aside.entry(event)])
        except Exception as error:  # noqa: BLE001  # the user's call goes on without its record
            self._told(error)

    def _quietly(self, record: Callable[[], Awaitable[None] | None]) -> Awaitable[None] | None:
        try:
            return record()
        except Exception as error:  # noqa: BLE001  # the user's call goes on without its record
            self._told(error)
            return None

    def _told(self, error: Exception) -> None:
        self._unrecorded()
        _LOG.warning("an event could not be recorded: %s", type(error).__name__)
