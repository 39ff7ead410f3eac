"""Scorers of a test's own, cheap and costly, by entry point, and a frame that keeps its log in memory."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from schemas.cascade import SamplingChanged
from schemas.configuration import Configuration
from schemas.configuration_parser import parse_configuration
from schemas.observations import ScoresRecorded
from schemas.record import Record
from schemas.settings import Settings
from schemas.topics import Topic
from services.scorers.contract import Card, CostClass, Measure, Score, Subject, unjudged
from services.scorers.offers import Wanted
from stream_processors.frame.application import Act, Handler
from stream_processors.frame.delivery import Delivery, Source
from tests.stream_processors.observed import NOON

HERE = "tests.stream_processors.scoring.sampled"
STANDARD = ("injection-head", "harm-head", "pii-patterns", "answer-harm-head", "answer-pii-patterns")
APP = "prompt-guard"


class Spelling:
    """Finds a word in the prompt; one that is not cheap can't judge what is mute."""

    def __init__(self, name: str, word: str, cost: CostClass) -> None:
        measures = (
            Measure(name=f"prompt.{name}", unit="probability", direction="higher is worse", labels=("safe", "unsafe")),
        )
        self.card = Card(
            name=name,
            version="1",
            side="prompt",
            measures=measures,
            cost=cost,
            source="spelling",
            blind_spots="meaning",
        )
        self._word = word
        self.shown: list[str] = []

    def score(self, subjects: Sequence[Subject]) -> list[tuple[Score, ...]]:
        self.shown += [subject.prompt for subject in subjects]
        return [self._row(subject.prompt) for subject in subjects]

    def _row(self, text: str) -> tuple[Score, ...]:
        if "mute" in text and self.card.cost != "cheap":
            return unjudged(self.card, "mute")
        found = self._word in text
        return (Score(self.card.measures[0].name, float(found), "unsafe" if found else "safe"),)


def suspecting(wanted: Wanted) -> Spelling:
    return Spelling("suspect", "odd", "cheap")


def guarding(wanted: Wanted) -> Spelling:
    return Spelling("watchman", "bad", "model")


def configuration(cascade: str = "{}", sample: float = 1.0) -> Configuration:
    """Return a configuration in which `suspect` sees all calls and `watchman` a sample."""
    off = "\n".join(f"  - {{name: {name}, enabled: false}}" for name in STANDARD)
    return parse_configuration(
        f"""
apps: [{{name: {APP}, base_model: tiny}}]
scorers:
{off}
  - name: suspect
    process: safety
    entry_point: "{HERE}:suspecting"
    measures: [{{name: prompt.suspect, flagged: unsafe}}]
  - name: watchman
    process: guard
    sample: {sample}
    entry_point: "{HERE}:guarding"
    measures: [{{name: prompt.watchman, flagged: unsafe}}]
    cascade: {cascade}
"""
    )


@dataclass
class Memory:
    """What a processor emitted, and whether it is acknowledged."""

    records: list[Record] = field(default_factory=list)
    acknowledged: int = 0

    async def write(self, records: Iterable[Record]) -> None:
        self.records += records
        await self.drain()

    async def drain(self) -> None:
        self.acknowledged = len(self.records)


@dataclass
class MemoryFrame:
    """A frame whose handler a test calls; its clock is that of the last delivery unless set."""

    configuration: Configuration
    data: Path
    outbox: Memory = field(default_factory=Memory)
    name: str = "guard"
    clock: datetime = NOON
    handle: Handler | None = None
    floor: Callable[[Source], int | None] = lambda source: None
    forget: Callable[[frozenset[Source]], None] = lambda sources: None
    dealt_with: Callable[[Collection[Source]], frozenset[tuple[str, int]]] = lambda sources: frozenset()

    @property
    def settings(self) -> Settings:
        return Settings.from_environment({"DRIFTLOOP_DATA": str(self.data)})

    def now(self) -> datetime:
        return self.clock

    def read_back(self, topic: Topic) -> list[Record]:
        return [record for record in self.outbox.records if isinstance(record, topic.record)]

    def chances_before(self, count: int) -> set[float]:
        """Return the chances among the first records of the log."""
        told = [record for record in self.outbox.records[:count] if isinstance(record, SamplingChanged)]
        return {chance for change in told for chance in (change.suspicious, change.rest)}

    def consume(self, *topics: Topic, handle: Handler, batch: int = 1) -> None:
        self.handle = handle

    def every(self, seconds: float, act: Act) -> None:
        raise AssertionError("a guard acts on messages alone")

    def caught_up_at(self, source: Source) -> int | None:
        return None

    async def deliver(self, deliveries: Sequence[Delivery], *, keep: bool = True) -> list[Record]:
        """Hand over a batch; what it returns is emitted unless the process dies before."""
        assert self.handle is not None
        self.clock = max(self.clock, deliveries[-1].logged_at)
        found = list(await self.handle(deliveries))
        if keep:
            self.outbox.records += found
        return found


def scores_in(records: Iterable[Record]) -> list[ScoresRecorded]:
    """Return the messages of scores."""
    return [record for record in records if isinstance(record, ScoresRecorded)]
