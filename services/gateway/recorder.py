"""Events onto the spool, from the event loop.

`note` is for what nobody has been answered for yet: it is written with the next write, at the
latest when the loop comes round. `keep` is for what an answer depends on: written when it returns.
"""

import asyncio

from schemas.codec import MAX_EVENT_BYTES
from schemas.inference import FeedbackGiven, InferenceRequested, InferenceResponded
from services.gateway.events import shortened
from services.parts.spool.entries import Entry, entry_of
from services.parts.spool.spool import Spool


class Recorder:
    """Writes events in the order they came, several in one write when they come together.

    Used from the event loop only. Never raises for want of room: the spool drops its oldest and
    counts, because a user's call must not fail for the sake of its own record.
    """

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._pending: list[Entry] = []

    def note(self, event: InferenceRequested) -> None:
        """Have an event written soon."""
        if not self._pending:
            asyncio.get_running_loop().call_soon(self.flush)
        self._pending.append(_entry(event))

    def keep(self, *events: InferenceResponded | FeedbackGiven) -> None:
        """Write events, and all noted before them, before returning."""
        for event in events:
            self._pending.append(_entry(event))
        self.flush()

    def flush(self) -> None:
        """Write what is pending."""
        pending, self._pending = self._pending, []
        if pending:
            self._spool.append(pending)


def _entry(event: InferenceRequested | InferenceResponded | FeedbackGiven) -> Entry:
    entry = entry_of(event)
    if len(entry.value) > MAX_EVENT_BYTES and not isinstance(event, FeedbackGiven):
        return entry_of(shortened(event))
    return entry
