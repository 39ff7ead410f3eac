"""From an event to its entry for the spool: under its app's privacy, and cut where it is too large to be taken."""

from schemas.codec import MAX_EVENT_BYTES
from schemas.feedback import FeedbackGiven
from schemas.inference import InferenceRequested, InferenceResponded
from services.gateway.recording.events import SPARE, characters, shortened, trimmed
from services.parts.spool.entries import Entry, entry_of
from services.privacy.policies import Policies
from services.privacy.texts import Event, texts_of

Recorded = InferenceRequested | InferenceResponded | FeedbackGiven
# Up to which an event is read between other calls: about 3 ms of ordinary text, 30 of the worst.
MOST_AT_HAND = 8_000


def size_of(event: Recorded) -> int:
    """Return how many characters are read of an event for its privacy."""
    return sum(map(len, texts_of(event)))


def made(event: Event, policies: Policies) -> Entry:
    """Return the entry of an event; nothing reaches the spool another way."""
    if not isinstance(event, FeedbackGiven) and characters(event) > MAX_EVENT_BYTES:
        # What is cut away need not be read, and it may be sixteen times as much.
        wide = shortened(event, SPARE)
        return entry_of(trimmed(policies.applied(wide), wide))
    return made_at_hand(event, policies)


def made_at_hand(event: Event, policies: Policies) -> Entry:
    """Return the entry of an event whose texts can all be kept."""
    kept = policies.applied(event)
    entry = entry_of(kept)
    if len(entry.value) <= MAX_EVENT_BYTES or isinstance(kept, FeedbackGiven):
        return entry
    return entry_of(shortened(kept))
