from collections.abc import Sequence
from types import SimpleNamespace
from typing import cast

from kafka.consumer.fetcher import ConsumerRecord

from schemas.codec import encode, to_unix_ms
from schemas.configuration_parser import parse_configuration
from schemas.record import Record
from schemas.settings import Settings
from schemas.topics import INFERENCE_RESPONDED
from stream_processors.frame.delivery import Delivery, Source
from stream_processors.replay.course import course
from stream_processors.replay.frame import Clock, ReplayedProcessor
from stream_processors.replay.log import Logged
from tests.stream_processors.builders import EPOCH, responded

SOURCE = Source(INFERENCE_RESPONDED.name, 0)


def logged(number: int, at: int) -> Logged:
    value = encode(responded(number, at=EPOCH + at))
    message = SimpleNamespace(timestamp=EPOCH + at, value=value, headers=())
    return Logged(EPOCH + at, SOURCE, number, cast(ConsumerRecord, message))


class Watched:
    """A processor that notes in log time what it is given and when it ticks; each tick echoes what it has seen."""

    def __init__(self, *, every_s: float, batch: int = 100) -> None:
        self.clock = Clock(EPOCH)
        configuration = parse_configuration("apps: [{name: guard, base_model: tiny}]")
        settings = Settings.from_environment({})
        self.frame = ReplayedProcessor("watched", settings, configuration, clock=self.clock, read_back=lambda topic: [])
        self.seen: list[list[int]] = []
        self.ticks: list[tuple[int, int]] = []
        self._held: list[Record] = []
        self.frame.consume(INFERENCE_RESPONDED, handle=self._take, batch=batch)
        self.frame.every(every_s, self._tick)

    async def _take(self, deliveries: Sequence[Delivery]) -> list[Record]:
        self.seen.append([delivery.offset for delivery in deliveries])
        self._held += [delivery.record for delivery in deliveries]
        return []

    def _tick(self) -> list[Record]:
        caught_up = self.frame.caught_up_at(SOURCE)
        assert caught_up == to_unix_ms(self.frame.now())
        self.ticks.append((caught_up - EPOCH, sum(map(len, self.seen))))
        held, self._held = self._held, []
        return held


async def passed(watched: Watched, log: list[Logged], until: int) -> list[str]:
    emitted = course(log, watched.clock, [watched.frame], until=EPOCH + until)
    return [record.event_id async for records in emitted for record in records]


async def test_ticks_keep_log_time_and_see_all_that_was_logged_by_then() -> None:
    watched = Watched(every_s=0.25)
    emitted = await passed(watched, [logged(0, 10), logged(1, 249), logged(2, 250), logged(3, 751)], until=1100)
    assert watched.ticks == [(250, 3), (500, 3), (750, 3), (1000, 4)]
    assert emitted == [f"responded-{number}-stable" for number in range(4)]


async def test_what_was_logged_after_the_end_is_not_read() -> None:
    watched = Watched(every_s=0.25)
    await passed(watched, [logged(0, 10), logged(1, 1200)], until=1000)
    assert watched.seen == [[0]]


async def test_a_handler_gets_no_more_than_its_batch() -> None:
    watched = Watched(every_s=1, batch=2)
    await passed(watched, [logged(number, number) for number in range(5)], until=2000)
    assert watched.seen == [[0, 1], [2, 3], [4]]
