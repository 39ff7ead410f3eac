"""What a processor is handed: a decoded record and where in the log it stood."""

from datetime import datetime
from typing import NamedTuple

import msgspec

from schemas.record import Record


class Source(NamedTuple):
    """A partition of a topic; equal to Faust's own pair of the same parts."""

    topic: str
    partition: int


class Delivery(msgspec.Struct, frozen=True, gc=False):
    """One record at its place in the log.

    Attributes:
        logged_at: The broker's timestamp, the clock that judges lateness.
    """

    source: Source
    offset: int
    logged_at: datetime
    record: Record
