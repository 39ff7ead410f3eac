"""Letters read from the log, and sent again to where they came from.

The dead-letter topics are the source and not the table, which has no headers. Order of effects of a replay:

1. The letters are chosen, then produced to their source topics and acknowledged.
2. They are noted as replayed in the control store.

A crash between them sends the same bytes again: an event that is good now has the same id and
collapses in its table, a bad one comes back as a letter of its own.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from datetime import datetime

from schemas.settings import Settings
from schemas.topics import DEAD_LETTER_SUFFIX, TOPIC_BY_NAME, TOPICS
from services.clients.bus.message import Message
from services.clients.bus.producer import Producer
from services.clients.bus.tail import Tail
from services.clients.store.database import open_store
from services.clients.store.replays import remember, replayed
from services.parts.letter import Letter, letter_of, pending, replay_headers

_POLL_S = 0.2
_BATCH = 500
_BATCH_BYTES = 16 * 1024 * 1024


class NoSuchLetter(LookupError):
    """What was asked for is not in the log. The message is one line."""


def read_letters(settings: Settings, topics: Sequence[str] = ()) -> Iterator[Message]:
    """Yield the letters of topics, of all by default, as they stand in the log now.

    Raises:
        BrokerDown, TopicMissing: The log can't be read.
    """
    wanted = [TOPIC_BY_NAME[name] for name in topics] or TOPICS
    with closing(Tail(settings, [topic.dead_letter for topic in wanted])) as tail:
        while not tail.caught_up:
            yield from tail.poll(_POLL_S)


def waiting_letters(settings: Settings, topics: Sequence[str] = ()) -> list[Letter]:
    """Return the letters that were not replayed yet, oldest first within a topic. Holds no payloads."""
    engine = open_store(settings.store_url)
    try:
        return pending(map(letter_of, read_letters(settings, topics)), replayed(engine))
    finally:
        engine.dispose()


def messages_of(settings: Settings, letter_id: str) -> list[Message]:
    """Return the letters of an id: one, or several when a re-created topic had a letter in the same place.

    Raises:
        NoSuchLetter: There is none.
    """
    topic = letter_id.split("/")[0].removesuffix(DEAD_LETTER_SUFFIX)
    if topic in TOPIC_BY_NAME:
        found = {letter_of(m).key: m for m in read_letters(settings, [topic]) if letter_of(m).id == letter_id}
        if found:
            return list(found.values())
    raise NoSuchLetter(f"no dead letter {letter_id!r} in the log; see `driftloop dead-letters list`")


def replay(settings: Settings, letters: Collection[Letter], now: datetime) -> int:
    """Send letters again in the order of the log; return how many are in their source topics.

    Raises:
        BusError: The broker did not take all; those not noted are sent again by the next replay.
    """
    engine = open_store(settings.store_url)
    count = 0
    with closing(Producer(settings, "dead-letters")) as producer:
        for batch in _batches(_found(settings, letters)):
            for letter, message in batch:
                producer.send_raw(letter.topic, message.value, key=message.key, headers=replay_headers(message))
            producer.flush()  # 1
            remember(engine, (letter.key for letter, _ in batch), now)  # 2
            count += len(batch)
    engine.dispose()
    return count


def _found(settings: Settings, letters: Collection[Letter]) -> Iterator[tuple[Letter, Message]]:
    wanted = {letter.key for letter in letters}
    for message in read_letters(settings, sorted({letter.topic for letter in letters})) if wanted else ():
        letter = letter_of(message)
        if letter.key in wanted:
            wanted.discard(letter.key)
            yield letter, message


def _batches(found: Iterator[tuple[Letter, Message]]) -> Iterator[list[tuple[Letter, Message]]]:
    """Yield what fits into the producer's buffer at a time."""
    batch: list[tuple[Letter, Message]] = []
    size = 0
    for letter, message in found:
        batch.append((letter, message))
        size += letter.bytes
        if len(batch) >= _BATCH or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
