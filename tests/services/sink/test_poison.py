"""When the sink stops rather than empty a topic into its dead-letter topic: values only."""

from datetime import UTC, datetime

import pytest

from services.clients.bus.message import Message
from services.parts.letter import REPLAYED_FROM
from services.sink.poison import LAST_MESSAGES, PoisonFlood, PoisonLimit

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
TOPIC = "feedback.given.v1"


def message(offset: int, partition: int = 0, headers: tuple[tuple[str, bytes], ...] = ()) -> Message:
    return Message(TOPIC, "id", partition, offset, None, b"{", headers, NOW)


def watch(limit: PoisonLimit, poison: int, good: int, start: int = 0) -> None:
    for index in range(poison + good):
        limit.watch(message(start + index), poison=index < poison)


def test_fewer_than_the_share_in_a_thousand_goes_on() -> None:
    watch(PoisonLimit(()), poison=950, good=50)


def test_more_than_the_share_in_a_thousand_stops_and_says_where_and_how_to_go_on() -> None:
    with pytest.raises(PoisonFlood, match=f"951 of the last 1000 messages of {TOPIC}/0 are poison") as stopped:
        watch(PoisonLimit(()), poison=951, good=0)
    assert f"DRIFTLOOP_ACCEPT_POISON={TOPIC}" in str(stopped.value)
    assert "\n" not in str(stopped.value)


def test_what_was_good_long_ago_does_not_excuse() -> None:
    limit = PoisonLimit(())
    watch(limit, poison=0, good=5000)
    with pytest.raises(PoisonFlood):
        watch(limit, poison=LAST_MESSAGES, good=0, start=5000)


def test_a_message_read_again_counts_once() -> None:
    limit = PoisonLimit(())
    for _ in range(200):
        watch(limit, poison=10, good=0)


def test_partitions_are_judged_apart() -> None:
    limit = PoisonLimit(())
    for offset in range(900):
        limit.watch(message(offset), poison=True)
        limit.watch(message(offset, partition=1), poison=True)


def test_an_accepted_topic_and_replayed_letters_never_stop_it() -> None:
    watch(PoisonLimit({TOPIC}), poison=2000, good=0)
    limit = PoisonLimit(())
    for offset in range(2000):
        limit.watch(message(offset, headers=((REPLAYED_FROM, b"x"),)), poison=True)
