"""New identities at the edge, where time and randomness enter."""

import os
import time

from schemas.ids import time_ordered_id


def new_event_id() -> str:
    """Return a UUIDv7 of now."""
    return time_ordered_id(time.time_ns() // 1_000_000, os.urandom(10))
