"""New identities at the edge, where time and randomness enter."""

import os
import re
import time

from schemas.ids import time_ordered_id

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
    return time_ordered_id(time.time_ns() // 1_000_000, os.urandom(10))
