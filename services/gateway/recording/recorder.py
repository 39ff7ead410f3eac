"""Events onto the spool, from the event loop, each under its app's privacy: none gets there another way.

`note` is for what nobody has been answered for yet: it is written with the next write, at the
latest after 5 ms. `keep` is for what an answer depends on: written when it returns.
"""

import asyncio
import logging
from collections.abc import Callable

from schemas.codec import MAX_EVENT_BYTES
from schemas.feedback import FeedbackGiven
from schemas.inference import InferenceRequested, InferenceResponded
from services.gateway.recording.events import SPARE, Event, characters, shortened, trimmed
from services.parts.spool.entries import Entry, entry_of
from services.parts.spool.spool import Spool
from services.privacy.policies import Policies

_LOG = logging.getLogger(__name__)
# A write costs as much as an event; calls that come together share one.
_SOON_S = 0.005


class Recorder:
    """Writes events in the order they came, several in one write when they come together.

    Used from the event loop only. Never raises for want of room: the spool drops its oldest and
    counts. `note` and `answered` raise nothing at all, because a user's call must not fail for the
    sake of its own record; `unrecorded` is called for what could not be recorded.
    """

    def __init__(self, spool: Spool, unrecorded: Callable[[], None], policies: Policies) -> None:
        self._spool, self._unrecorded, self._policies = spool, unrecorded, policies
        self._pending: list[Entry] = []
        self._due = False

    def note(self, make: Callable[[], InferenceRequested]) -> None:
        """Have an event written soon."""
        self._quietly(lambda: self._note(make()))

    def answered(self, make: Callable[[], InferenceResponded]) -> None:
        """Write the event of a call's end, and all noted before it, before returning."""
        self._quietly(lambda: self.keep(make()))

    def keep(self, *events: InferenceResponded | FeedbackGiven) -> None:
        """Write events, and all noted before them, before returning; raises when they can't be."""
        for event in events:
            self._pending.append(self._judgement(event) if isinstance(event, FeedbackGiven) else self._entry(event))
        self.flush()

    def flush(self) -> None:
        """Write what is pending."""
        pending, self._pending = self._pending, []
        if pending:
            self._spool.append(pending)

    def _note(self, event: InferenceRequested) -> None:
        entry = self._entry(event)
        if not self._due:
            self._due = True
            asyncio.get_running_loop().call_later(_SOON_S, self._quietly, self._written_soon)
        self._pending.append(entry)

    def _written_soon(self) -> None:
        self._due = False
        self.flush()

    def _judgement(self, event: FeedbackGiven) -> Entry:
        return entry_of(self._policies.applied(event))

    def _entry(self, event: Event) -> Entry:
        if characters(event) > MAX_EVENT_BYTES:
            # What is cut away need not be read, and it may be sixteen times as much.
            wide = shortened(event, SPARE)
            return entry_of(trimmed(self._policies.applied(wide), wide))
        kept = self._policies.applied(event)
        entry = entry_of(kept)
        return entry_of(shortened(kept)) if len(entry.value) > MAX_EVENT_BYTES else entry

    def _quietly(self, record: Callable[[], None]) -> None:
        try:
            record()
        except Exception as error:  # noqa: BLE001  # the user's call goes on without its record
            self._unrecorded()
            _LOG.warning("an event could not be recorded: %s", type(error).__name__)
