"""inference.responded.v1 → scores.recorded.v2 by the scorers that cost more than to see every call.

A consumer group of its own: it falls behind alone. When it does, its chances fall until it has caught up. A
call that was not drawn has no score of a guard, and that says nothing of it; what was drawn carries its
chance. The cheap scorers that tell suspicious calls run here again, on the calls that may be drawn: that costs
less than to wait for what safety says of each.

Order of effects: 1. the chances of a batch's offsets are written and acknowledged, where they are not yet;
2. its calls are drawn and judged; 3. the scores are emitted. A restart reads the chances back and meets each
call with the one that it had, so that to be read twice is no second chance (stream_processors.scoring.cascade).
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from schemas.cascade import SamplingChanged
from schemas.configuration import Configuration
from schemas.inference import InferenceResponded
from schemas.observations import ScoresRecorded
from schemas.record import Record
from schemas.topics import INFERENCE_RESPONDED, SAMPLING_CHANGED
from services.clients.bus.patience import patiently
from services.clients.bus.topics import topic_ids
from services.parts.runtime.metrics import counter, gauge
from services.scorers.catalogue import check_entries
from services.scorers.contract import Card
from services.scorers.costly import GUARD
from services.scorers.workshop import Workshop
from stream_processors.frame.application import Processor
from stream_processors.frame.delivery import Delivery, Source
from stream_processors.scoring.cascade import drawn, may_be_drawn, number_of
from stream_processors.scoring.lanes import Lane, Place, by_place
from stream_processors.scoring.panels import Panel, Seat
from stream_processors.scoring.posts import Post, Posts
from stream_processors.scoring.sampling import Choice, Judged

BATCH = 128


@dataclass(frozen=True, slots=True)
class _Call:
    """A call at its offset, with the number that decides what judges it."""

    delivery: Delivery
    response: InferenceResponded
    number: float


@dataclass(slots=True)
class _Assignment:
    """What is known under one assignment; `topic_ids` is empty until what was told earlier has been read back."""

    topic_ids: Mapping[str, str] = field(default_factory=dict)
    told: dict[Place, list[SamplingChanged]] = field(default_factory=dict)
    lanes: dict[Place, Lane] = field(default_factory=dict)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def lane(self, source: Source, app: str, post: Post) -> Lane:
        """Return the lane of a scorer."""
        place = Place(source, app, post.entry.name)
        if place not in self.lanes:
            self.lanes[place] = Lane.resumed(place, post.terms, self.told.pop(place, ()))
        return self.lanes[place]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What the guards use of the world.

    Attributes:
        now: The wall clock.
        read_back: Returns all changes of sampling that the log has; it blocks.
        topic_ids: Returns the id of each topic by name; it blocks.
        write: Returns once the log has some records, and all that was emitted before.
    """

    now: Callable[[], datetime]
    read_back: Callable[[], Sequence[Record]]
    topic_ids: Callable[[], Mapping[str, str]]
    write: Callable[[Iterable[Record]], Awaitable[None]]


class Watch:
    """The costly scorers of all apps in one process."""

    def __init__(self, configuration: Configuration, workshop: Workshop, reach: Reach) -> None:
        check_entries(configuration.scorers)
        self._configuration = configuration
        self._workshop = workshop
        self._reach = reach
        self._posts: dict[str, Posts] = {}
        self._calls = counter("driftloop_guard_calls_total")
        self._chance = gauge("driftloop_guard_chance")
        self._now = _Assignment()
        for app in configuration.apps:
            self._of(app.name)

    def forget(self, sources: frozenset[Source]) -> None:
        """Start anew with the partitions of an assignment."""
        self._now = _Assignment()

    async def take(self, deliveries: Sequence[Delivery]) -> Iterable[Record]:
        """Return the scores of the calls that are drawn, and the chances that hold from the next batch on."""
        now = self._now
        async with now.lock:
            await self._ready(now)
            groups: dict[tuple[str, Source], list[_Call]] = defaultdict(list)
            for delivery in deliveries:
                if isinstance(response := delivery.record, InferenceResponded):
                    call = _Call(delivery, response, number_of(response.request_id))
                    groups[response.app, delivery.source].append(call)
            groups = {key: calls for key, calls in groups.items() if self._of(key[0]).posts}
            await self._write(now, groups)
            records: list[Record] = []
            for (app, source), calls in groups.items():
                records += await asyncio.to_thread(self._judge, self._of(app), self._lanes(now, app, source), calls)
            return records

    def _lanes(self, now: _Assignment, app: str, source: Source) -> dict[str, Lane]:
        """Return the lanes of an app's scorers by scorer and version."""
        return {post.scorer.card.scorer: now.lane(source, app, post) for post in self._of(app).posts}

    def _of(self, app: str) -> Posts:
        if app not in self._posts:
            self._posts[app] = Posts.of(app, self._configuration, self._workshop)
        return self._posts[app]

    async def _ready(self, now: _Assignment) -> None:
        """Read back what was written before, once an assignment."""
        if not now.topic_ids:
            await self._reach.write(())
            now.topic_ids, now.told = await asyncio.to_thread(self._read_back)

    async def _write(self, now: _Assignment, groups: Mapping[tuple[str, Source], Sequence[_Call]]) -> None:
        """Have the chances of all calls in the log."""
        at = self._reach.now()
        changes = []
        for (app, source), calls in groups.items():
            first, last = calls[0].delivery.offset, calls[-1].delivery.offset
            topic_id = now.topic_ids.get(source.topic, "")
            found = (lane.change(first, last, at, topic_id) for lane in self._lanes(now, app, source).values())
            changes += [change for change in found if change is not None]
        if not changes:
            return
        await self._reach.write(changes)
        for change in changes:
            self._chance.labels(change.app, change.scorer, "suspicious").set(change.suspicious)
            self._chance.labels(change.app, change.scorer, "rest").set(change.rest)

    def _read_back(self) -> tuple[Mapping[str, str], dict[Place, list[SamplingChanged]]]:
        told = [record for record in self._reach.read_back() if isinstance(record, SamplingChanged)]
        ids = self._reach.topic_ids()
        return ids, by_place(told, ids)

    def _judge(self, posts: Posts, lanes: Mapping[str, Lane], calls: Sequence[_Call]) -> list[ScoresRecorded]:
        chances = draw(posts, lanes, calls)
        seats = [Seat(post.scorer) for post in posts.posts]
        messages = Panel(GUARD, seats, _choice(chances)).score(
            [c.response for c in calls if c.response.event_id in chances]
        )
        at = self._reach.now()
        for scorer, lane in lanes.items():
            spent = [seconds for message in messages if (seconds := _seconds(message, scorer)) is not None]
            lane.judged(len(spent), sum(spent), at)
        app = calls[0].response.app
        self._calls.labels(app, "judged").inc(len(messages))
        self._calls.labels(app, "not drawn").inc(len(calls) - len(messages))
        return messages


def draw(posts: Posts, lanes: Mapping[str, Lane], calls: Sequence[_Call]) -> dict[str, dict[str, float]]:
    """Return, by event id of the calls that are drawn, the chances of the scorers that they are drawn for."""
    held = {scorer: [lane.schedule.at(call.delivery.offset) for call in calls] for scorer, lane in lanes.items()}
    looked = [
        call.response
        for place, call in enumerate(calls)
        if any(may_be_drawn(call.number, chances[place]) for chances in held.values())
    ]
    said = posts.suspicions(looked)
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for post in posts.posts:
        scorer = post.scorer.card.scorer
        for place, call in enumerate(calls):
            event_id = call.response.event_id
            suspicious = post.suspects(said.get(event_id, ()))
            lanes[scorer].saw(call.delivery, looked=event_id in said, suspicious=suspicious)
            chance = drawn(call.number, held[scorer][place], suspicious=suspicious)
            if chance is not None:
                found[event_id][scorer] = chance
    return dict(found)


def _choice(chances: Mapping[str, Mapping[str, float]]) -> Choice:
    def choose(card: Card, share: float, calls: Sequence[Judged]) -> list[float]:
        return [chances[call.response.event_id].get(card.scorer, 0.0) for call in calls]

    return choose


def _seconds(message: ScoresRecorded, scorer: str) -> float | None:
    """Return how long a scorer took for a call; None if it was not shown it."""
    return next((score.latency_ms / 1000 for score in message.scores if score.scorer == scorer), None)


def build_guard(processor: Processor) -> None:
    """Wire the processor."""

    async def write(records: Iterable[Record]) -> None:
        processor.outbox.put(records)
        await processor.outbox.drain()

    reach = Reach(
        now=lambda: processor.now(),
        read_back=lambda: processor.read_back(SAMPLING_CHANGED),
        topic_ids=lambda: patiently(topic_ids, processor.settings),
        write=write,
    )
    watch = Watch(processor.configuration, Workshop.of(processor.settings, processor.configuration.apps), reach)
    processor.forget = watch.forget
    processor.consume(INFERENCE_RESPONDED, handle=watch.take, batch=BATCH)
