"""Stands in for application.Processor when a log is read again: log time is its clock, memory its outbox.

Driven by stream_processors.replay.course. Handlers get what came since the last tick in batches, as a
processor that keeps up does; everything logged up to the present instant has been handed out by then.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from schemas.codec import from_unix_ms
from schemas.configuration import Configuration
from schemas.record import Record
from schemas.settings import Settings
from schemas.topics import Topic
from stream_processors.frame.application import Act, Handler
from stream_processors.frame.delivery import Delivery, Source

Told = Callable[[Topic], list[Record]]


class Clock:
    """Log time, moved by whoever reads the log.

    Attributes:
        now: Unix milliseconds.
    """

    def __init__(self, now: int) -> None:
        self.now = now


class _Acknowledged:
    """An outbox whose records are taken at once."""

    async def drain(self) -> None:
        """Return: nothing is under way."""


@dataclass(slots=True)
class _Tick:
    due: int
    every: int
    act: Act


@dataclass(slots=True)
class _Reader:
    handle: Handler
    batch: int


class ReplayedProcessor:
    """The frame of one processor in a replay.

    Args:
        name: The processor's.
        clock: Shared by all that are replayed together.
        read_back: What the log held of a topic before the replay began.
    """

    def __init__(
        self, name: str, settings: Settings, configuration: Configuration, *, clock: Clock, read_back: Told
    ) -> None:
        self.name = name
        self.settings = settings
        self.configuration = configuration
        self.floor: Callable[[Source], int | None] = lambda source: None
        self.forget: Callable[[frozenset[Source]], None] = lambda sources: None
        self.now: Callable[[], datetime] = lambda: from_unix_ms(clock.now)
        self.read_back = read_back
        self.dealt_with: Callable[[Collection[Source]], frozenset[tuple[str, int]]] = frozenset
        self._clock = clock
        self._readers: dict[str, _Reader] = {}
        self._ticks: list[_Tick] = []
        self._waiting: defaultdict[str, list[Delivery]] = defaultdict(list)

    @property
    def outbox(self) -> _Acknowledged:
        """Where records go."""
        return _Acknowledged()

    @property
    def topics(self) -> frozenset[str]:
        """Names of the topics that it reads."""
        return frozenset(self._readers)

    @property
    def due(self) -> int:
        """When its next tick is due."""
        return min(tick.due for tick in self._ticks)

    def consume(self, *topics: Topic, handle: Handler, batch: int = 1) -> None:
        """Hand the records of topics to a handler, in order within each partition."""
        self._readers |= {topic.name: _Reader(handle, batch) for topic in topics}

    def every(self, seconds: float, act: Act) -> None:
        """Call `act` at intervals of log time."""
        step = round(seconds * 1000)
        self._ticks.append(_Tick(self._clock.now + step, step, act))

    def caught_up_at(self, source: Source) -> int | None:
        """Return the present: everything logged before it is dealt with."""
        return self._clock.now

    def put(self, topic: str, deliveries: Iterable[Delivery]) -> None:
        """Take what was logged, to be handed out before the next tick."""
        self._waiting[topic] += deliveries

    async def tick(self) -> list[Record]:
        """Hand out what waits, act if it is time, and return what was emitted."""
        emitted = [record for topic in list(self._waiting) for record in await self._handed_out(topic)]
        for tick in self._ticks:
            if tick.due <= self._clock.now:
                tick.due += tick.every
                records = tick.act()
                emitted += await records if isinstance(records, Awaitable) else records
        return emitted

    async def _handed_out(self, topic: str) -> list[Record]:
        deliveries, reader = self._waiting.pop(topic), self._readers[topic]
        batches = [deliveries[at : at + reader.batch] for at in range(0, len(deliveries), reader.batch)]
        return [record for batch in batches for record in await reader.handle(batch)]
