"""Scorers of a test's own, cheap and costly, by entry point, and a guard that keeps its log in memory."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from schemas.cascade import SamplingChanged
from schemas.configuration import Configuration
from schemas.configuration_parser import parse_configuration
from schemas.observations import ScoresRecorded
from schemas.record import Record
from schemas.settings import Settings
from schemas.topics import INFERENCE_RESPONDED
from services.scorers.contract import Card, CostClass, Measure, Score, Subject, unjudged
from services.scorers.offers import Wanted
from services.scorers.workshop import Workshop
from stream_processors.frame.delivery import Delivery
from stream_processors.scoring.guard import Reach, Watch
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
        self.acknowledged = len(self.records)


class Watched:
    """A guard over a log in memory; its clock is that of the last delivery."""

    def __init__(
        self, configuration: Configuration, data: Path, log: Memory, *, clock: datetime = NOON, topic_id: str = "id"
    ) -> None:
        self.configuration = configuration
        self.log = log
        self.clock = clock
        reach = Reach(
            now=lambda: self.clock,
            read_back=lambda: list(log.records),
            topic_ids=lambda: {INFERENCE_RESPONDED.name: topic_id},
            write=log.write,
        )
        self._watch = Watch(configuration, Workshop.of(settings_in(data)), reach)

    def chances_before(self, count: int) -> set[float]:
        """Return the chances among the first records of the log."""
        told = [record for record in self.log.records[:count] if isinstance(record, SamplingChanged)]
        return {chance for change in told for chance in (change.suspicious, change.rest)}

    async def deliver(self, deliveries: Sequence[Delivery], *, keep: bool = True) -> list[Record]:
        """Hand over a batch; what it returns is emitted unless the process dies before."""
        self.clock = max(self.clock, deliveries[-1].logged_at)
        found = list(await self._watch.take(deliveries))
        if keep:
            self.log.records += found
        return found


def settings_in(data: Path) -> Settings:
    """Return the settings of a deployment of its own."""
    return Settings.from_environment({"DRIFTLOOP_DATA": str(data)})


def scores_in(records: Iterable[Record]) -> list[ScoresRecorded]:
    """Return the messages of scores."""
    return [record for record in records if isinstance(record, ScoresRecorded)]
