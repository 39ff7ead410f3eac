"""New identities at the edge, where time and randomness enter."""

import os
import re
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
_GATEWAYS = re.compile(
    r"(?:chatcmpl-|cmpl-|embd-|resp_)[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}(?:\..*)?",
    re.DOTALL,
)


def is_of_gateway(answer_id: str) -> bool:
    """Whether a gateway gave an answer its id: a surface's prefix and a UUIDv7; in `resp_` the upstream's behind it.

    Upstreams write other forms behind these prefixes: letters, 32 digits, UUIDv4.
    """
    return _GATEWAYS.fullmatch(answer_id) is not None


def new_event_id() -> str:
    """Return a UUIDv7 of now."""
    return time_ordered_id(time.time_ns() // 1_000_000, _RANDOMNESS.draw())
