"""New identities at the edge, where time and randomness enter."""

import os
import time
from collections import deque

from schemas.ids import time_ordered_id

_SIZE, _AT_ONCE = 10, 256


class _Randomness:
    """The system's randomness, asked for in larger pieces.

    Each question to the system gives up the interpreter, which a call then waits for anew: four ids a call
    were a tenth of what the gateway's event loop did. Safe to share between threads; a forked child asks anew.
    """

    def __init__(self) -> None:
        self._pieces: deque[bytes] = deque()
        os.register_at_fork(after_in_child=self._pieces.clear)

    def draw(self) -> bytes:
        """Return ten bytes that nobody else gets."""
        try:
            return self._pieces.popleft()
        except IndexError:
            drawn = os.urandom(_SIZE * _AT_ONCE)
            self._pieces.extend(drawn[at : at + _SIZE] for at in range(_SIZE, len(drawn), _SIZE))
            return drawn[:_SIZE]


_RANDOMNESS = _Randomness()


def new_event_id() -> str:
    """Return a UUIDv7 of now."""
    return time_ordered_id(time.time_ns() // 1_000_000, _RANDOMNESS.draw())
