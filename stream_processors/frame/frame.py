"""What a processor may ask of what it is wired into.

stream_processors.frame.application.Processor is the frame in production, stream_processors.replay.frame the
one that reads a log again; the functions `build_*` cannot tell which of the two they were given.
"""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Protocol

from schemas.configuration import Configuration
from schemas.record import Record
from schemas.settings import Settings
from schemas.topics import Topic
from stream_processors.frame.application import Act, Handler
from stream_processors.frame.delivery import Source


class Drains(Protocol):
    """What takes records out of a processor."""

    async def drain(self) -> None:
        """Return once everything emitted so far is in the log."""


class Frame(Protocol):
    """The face of application.Processor, which documents it."""

    name: str
    settings: Settings
    configuration: Configuration
    floor: Callable[[Source], int | None]
    forget: Callable[[frozenset[Source]], None]
    now: Callable[[], datetime]
    read_back: Callable[[Topic], list[Record]]
    dealt_with: Callable[[Collection[Source]], frozenset[tuple[str, int]]]

    @property
    def outbox(self) -> Drains:
        """What was emitted."""

    def consume(self, *topics: Topic, handle: Handler, batch: int = 1) -> None:
        """Hand the records of topics to a handler, in order within each partition."""

    def every(self, seconds: float, act: Act) -> None:
        """Call `act` at intervals and emit what it returns."""

    def caught_up_at(self, source: Source) -> int | None:
        """Return when (Unix ms) it was last seen that all messages of a partition are dealt with; None if never."""
