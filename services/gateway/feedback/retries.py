"""Judgements that were taken lately, so that a client's retry is answered and not recorded again."""

from collections import OrderedDict
from collections.abc import Iterable

from schemas.feedback import FeedbackGiven
from schemas.ids import is_derived

_MOST = 50_000


class Retries:
    """The ids of the last judgements that clients have a name for. Used from the event loop only.

    Past its bound, after a restart and at another gateway a retry is recorded again under the same id: in the
    same window it counts once, and in the warehouse the first one counts.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._taken: OrderedDict[str, None] = OrderedDict()

    def fresh(self, events: Iterable[FeedbackGiven]) -> list[FeedbackGiven]:
        """Return those that were not taken."""
        return [event for event in events if event.event_id not in self._taken]

    def note(self, events: Iterable[FeedbackGiven]) -> None:
        """Note what was taken."""
        for event in events:
            if is_derived(event.event_id):
                self._taken[event.event_id] = None
        while len(self._taken) > self._most:
            self._taken.popitem(last=False)
