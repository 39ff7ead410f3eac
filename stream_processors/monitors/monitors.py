"""Windows, scores and drift → AlertChanged and RetrainingRequested, each once however often it is derived.

What holds after kill -9 and rebalance. Recent windows live in memory; the committed offset stays at the
first message of the oldest window that a decision may need (stream_processors.monitors.retention), so a restart
reads them again. What was told stands in alerts.changed.v1 and retraining.requested.v1: both are read
from their start on each assignment, and an alert that is there is neither decided nor emitted again. An
alert that was not acknowledged before the kill is decided again, from the same windows, with the same id.

Windows are complete, and judged, when every source partition has reported all series of a window that ends
no earlier, or has nothing more to report, as functional's commits tell (stream_processors.monitors.completeness).
Scores and drift are complete when IDLE_MS have passed beyond the time at which their window had to be closed.

Series are spread over workers by key: with more than one process, a monitor that is not `per` tenant or
adapter_version sees only its worker's tenants and versions. Run one; a second one is for monitors of
single series.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from schemas.codec import to_unix_ms
from schemas.metrics import Kind
from schemas.observations import AlertChanged, DriftMeasured, ScoresRecorded, WindowClosed
from schemas.record import Record
from schemas.topics import (
    ALERTS_CHANGED,
    DRIFT_MEASURED,
    METRICS_WINDOW_CLOSED,
    RETRAINING_REQUESTED,
    SCORES_RECORDED,
    Topic,
)
from stream_processors.frame.delivery import Delivery, Source
from stream_processors.frame.frame import Frame
from stream_processors.frame.reloading import ConfigurationWatch
from stream_processors.monitors.alert_events import alert_changed, retraining_requested, standing_of, target_of
from stream_processors.monitors.completeness import Completeness
from stream_processors.monitors.decisions import Board
from stream_processors.monitors.retention import Retention
from stream_processors.windows.windows import SKEW_MS, Bounds

TICK_S = 0.25
BATCH = 500
IDLE_MS = 2_000  # functional learns a fetch late that a partition is idle, then looks, sends, commits within a second

_TOPIC_OF: Mapping[Kind, Topic] = {"window": METRICS_WINDOW_CLOSED, "score": SCORES_RECORDED, "drift": DRIFT_MEASURED}


def closing_ms(bounds: Bounds) -> int:
    """Return how long after its end a window has been reported, if functional keeps up."""
    return bounds.lateness + SKEW_MS + IDLE_MS


def build_monitors(processor: Frame) -> None:
    """Wire the monitors into a processor."""
    watch = ConfigurationWatch(processor.settings)
    watch.listen()
    monitors = Monitors(processor, watch)
    processor.floor = monitors.floor
    processor.forget = monitors.forget
    for topic in (METRICS_WINDOW_CLOSED, SCORES_RECORDED, DRIFT_MEASURED):
        processor.consume(topic, handle=monitors.take, batch=BATCH)
    processor.every(TICK_S, monitors.judge)


class _Assignment:
    """What is known under one assignment.

    Attributes:
        board: None until what was told earlier has been read back.
        answer: When functional was asked, when it had answered, and the partitions that it was done with.
    """

    def __init__(self, sources: Iterable[Source]) -> None:
        self.board: Board | None = None
        self.answer: tuple[int, int, list[Source]] | None = None
        self.lock = asyncio.Lock()
        self.retained = {source: Retention() for source in sources}
        windows, scores = (self.sources(topic) for topic in (METRICS_WINDOW_CLOSED, SCORES_RECORDED))
        self.complete = Completeness(scores, whole=len(windows) == METRICS_WINDOW_CLOSED.partitions)

    def sources(self, topic: Topic) -> list[Source]:
        """Return the partitions of a topic."""
        return [source for source in self.retained if source.topic == topic.name]

    @property
    def windows_whole_from(self) -> int:
        """Start of the first window of which no partition lacks a message."""
        return max((self.retained[source].whole_from or 0 for source in self.sources(METRICS_WINDOW_CLOSED)), default=0)

    def take(self, delivery: Delivery, board: Board, *, read_at: int) -> None:
        """Put a record on the board and note how far its sources have come."""
        record, source = delivery.record, delivery.source
        assert isinstance(record, WindowClosed | ScoresRecorded | DriftMeasured)
        retention = self.retained[source]
        if retention.note(board.start_of(record), delivery.offset):
            board.put(record, whole_from=retention.whole_from or 0)
        if isinstance(record, WindowClosed):
            self.complete.reported(record, read_at=read_at)
        elif isinstance(record, ScoresRecorded):
            self.complete.scored(source, to_unix_ms(record.occurred_at))
        else:
            self.complete.drifted(to_unix_ms(record.window_end))


class Monitors:
    """The monitors of the series this process owns at present."""

    def __init__(self, processor: Frame, watch: ConfigurationWatch) -> None:
        self._processor = processor
        self._watch = watch
        self._configuration = processor.configuration
        self._bounds = Bounds.of(processor.configuration.windows)
        self._closing = closing_ms(self._bounds)
        self._now = _Assignment(())

    def forget(self, sources: frozenset[Source]) -> None:
        """Start anew with the partitions of an assignment."""
        self._now = _Assignment(sources)

    def floor(self, source: Source) -> int | None:
        """Return the first offset that a window kept needs."""
        return self._now.retained[source].floor

    async def take(self, deliveries: Sequence[Delivery]) -> Iterable[Record]:
        """Put records on the board; judging them is `judge`'s part."""
        now = self._now
        board, orders = await self._ready(now)
        read_at = to_unix_ms(self._processor.now())
        for delivery in deliveries:
            now.take(delivery, board, read_at=read_at)
        return orders

    async def judge(self) -> Iterable[Record]:
        """Return what the windows complete by the last look call for."""
        now = self._now
        board, orders = await self._ready(now)
        await self._ask_functional(now)
        if (configuration := self._watch.changed()) is not None:
            self._configuration = configuration
            board.configure(configuration)
        records = list(orders)
        for decision in board.decide(now.complete.until):
            alert = alert_changed(*decision)
            board.standings[decision.target] = standing_of(alert)
            records.append(alert)
            if alert.state == "firing" and "retrain" in decision.monitor.then:
                records.append(retraining_requested(alert))
        self._look(now, board)
        return records

    async def _ask_functional(self, now: _Assignment) -> None:
        """Ask which partitions have nothing more to report, when one has not reported in time.

        The answer counts from when all that functional had reported before it has been read.
        """
        if now.answer is not None:
            asked_at, answered_at, sources = now.answer
            if (self._passed(now, "window") or 0) < answered_at:
                return
            now.answer = None
            for source in sources:
                now.complete.reported_all(source, asked_at - self._closing)
        asked_at = to_unix_ms(self._processor.now())
        if now.complete.reached < asked_at - self._closing - self._bounds.length:
            done = await asyncio.to_thread(self._processor.dealt_with, now.complete.sources)
            now.answer = asked_at, to_unix_ms(self._processor.now()), [Source(*partition) for partition in done]

    def _look(self, now: _Assignment, board: Board) -> None:
        """Let go of what is older than any monitor looks, then note how far windows have become complete meanwhile.

        Not the other way round: after an outage more windows become complete at once than are kept, and
        none of them has been judged.
        """
        for kind, topic in _TOPIC_OF.items():
            oldest = board.kept_from(kind, now.complete.until)
            board.drop(kind, oldest)
            for source in now.sources(topic):
                now.retained[source].drop(oldest)
        closing = self._closing
        passed = {kind: (self._passed(now, kind) or closing) - closing for kind in _TOPIC_OF}
        now.complete.settle(passed["window"] + closing, whole_from=now.windows_whole_from)
        now.complete.look(passed, self._bounds.lateness)

    def _passed(self, now: _Assignment, kind: Kind) -> int | None:
        """Return the time at which all partitions of a kind were seen to hold nothing more."""
        times = [self._processor.caught_up_at(source) for source in now.sources(_TOPIC_OF[kind])]
        known = [time for time in times if time is not None]
        return min(known) if known and len(known) == len(times) else None

    async def _ready(self, now: _Assignment) -> tuple[Board, Iterable[Record]]:
        """Return the board; on the first call also the orders that a kill kept from being given."""
        async with now.lock:
            if now.board is not None:
                return now.board, ()
            await self._processor.outbox.drain()
            told, ordered = await asyncio.to_thread(self._read_back)
            last = {target_of(alert): alert for alert in told}
            board = Board(self._configuration, {target: standing_of(alert) for target, alert in last.items()})
            now.board = board
        retraining = {monitor.name for monitor in self._configuration.monitors if "retrain" in monitor.then}
        firing = [alert for alert in last.values() if alert.state == "firing" and alert.monitor in retraining]
        orders = [order for alert in firing if (order := retraining_requested(alert)).event_id not in ordered]
        return board, orders

    def _read_back(self) -> tuple[list[AlertChanged], set[str]]:
        read_back = self._processor.read_back
        alerts = [record for record in read_back(ALERTS_CHANGED) if isinstance(record, AlertChanged)]
        return alerts, {record.event_id for record in read_back(RETRAINING_REQUESTED)}
