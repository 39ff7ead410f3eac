"""One round of the sink: from messages in the log to rows in the tables, in an order that loses nothing.

The order of effects, of which each comes before the next:

1. Poll: messages go in hand; nothing is remembered of them but their positions in the log. When nearly
   all of a partition is poison, the sink stops here.
2. Dead letters: what can't be stored is in its dead-letter topic, masked by policy, acknowledged.
3. Insert: block by block, each atomic, offsets in the rows.
4. Commit: the group's offsets follow, for lag displays and for partitions whose rows are gone.

A crash after 1 changes nothing. After 2, the dead letters are sent again; they are equal and
collapse in their table by the position they name. Between blocks and after 3, the tables tell where
to go on: the next owner of a partition reads behind its highest stored offset. An insert whose
outcome is unknown is not repeated but forgotten: positions are read from the tables again. So is
what is in hand when the group has not been heard of for a session (a stopped process that goes on):
the partitions may be another's, and what it stored must not be stored twice.
"""

import time
from collections.abc import Callable
from datetime import datetime

from schemas.topics import DEAD_LETTER_SUFFIX, STORED_TOPICS, TOPIC_BY_NAME
from services.clients.bus.consumer import Consumer
from services.clients.bus.errors import BusError
from services.clients.bus.message import Message
from services.clients.bus.producer import Producer
from services.clients.warehouse.client import WarehouseDown
from services.privacy.names import Names
from services.sink.blocks import blocks_of
from services.sink.dead_letters import dead_letter_headers
from services.sink.operations import Operations
from services.sink.rows import Poison, Row, judged
from services.sink.table_store import TableStore
from services.sink.withholding import Refusing

SINK_TOPICS = tuple(name for topic in STORED_TOPICS for name in (topic.name, topic.dead_letter))
MAX_MESSAGES = 10_000
MAX_BYTES = 32 * 1024 * 1024
# A round with a language model in it must end well before the group takes the sink for gone.
MAX_NAMED_MESSAGES = 500
MAX_NAMED_BYTES = 2 * 1024 * 1024
LINGER_S = 0.3
OUTAGES = (WarehouseDown, BusError)


class Delivery:
    """Moves messages into tables, a batch a round. Used from one thread."""

    def __init__(  # noqa: PLR0913  # what a sink works with
        self,
        consumer: Consumer,
        producer: Producer,
        tables: TableStore,
        *,
        now: Callable[[], datetime],
        operations: Operations,
        refusing: Refusing,
        names: Names | None = None,
    ) -> None:
        self._consumer = consumer
        self._producer = producer
        self._tables = tables
        self._now = now
        self._operations = operations
        self._refusing = refusing
        self._names = names
        self._most = (MAX_MESSAGES, MAX_BYTES) if names is None else (MAX_NAMED_MESSAGES, MAX_NAMED_BYTES)

    def round(self) -> int:
        """Store what is there; return how many messages, 0 after a short wait for any.

        Raises:
            WarehouseDown, BusError: Nothing is lost; call again after a while. Partitions are kept
                meanwhile, as calling again polls.
            PoisonFlood: Nothing of this round has taken effect, and nothing should before someone looked.
        """
        messages, epoch = self._polled()  # 1
        verdicts = [verdict for message in messages for verdict in self._judged(message)]
        try:
            self._dead_letter([verdict for verdict in verdicts if isinstance(verdict, Poison)])  # 2
            if self._insert([verdict for verdict in verdicts if isinstance(verdict, Row)], epoch):  # 3
                self._consumer.commit()  # 4
            elif messages:
                self._consumer.rewind()
        except OUTAGES:
            self._consumer.rewind()
            raise
        self._operations.lag.set(self._consumer.lag())
        return len(messages)

    def _polled(self) -> tuple[list[Message], int]:
        """Gather for LINGER_S from the first message on, or until a batch is full.

        What is gathered belongs to one epoch of the assignment; when that ends it will be read again.
        """
        epoch = self._consumer.epoch
        most, most_bytes = self._most
        messages = self._consumer.poll(LINGER_S, most)
        deadline = time.monotonic() + LINGER_S
        while messages and len(messages) < most and _size(messages) < most_bytes:
            left = deadline - time.monotonic()
            if left <= 0:
                break
            messages += self._consumer.poll(left, most - len(messages))
            if self._consumer.epoch != epoch:
                return [], epoch
        return messages, epoch

    def _judged(self, message: Message) -> list[Row | Poison]:
        verdicts = judged(message, self._now(), self._names.masked) if self._names else judged(message, self._now())
        if not message.topic.endswith(DEAD_LETTER_SUFFIX):
            poison = bool(verdicts) and all(isinstance(verdict, Poison) for verdict in verdicts)
            self._refusing.limit.watch(message, poison=poison)
        return verdicts

    def _dead_letter(self, poison: list[Poison]) -> None:
        for bad in poison:
            topic = TOPIC_BY_NAME[bad.message.topic].dead_letter
            headers = dead_letter_headers(bad.message, bad.element.reason, bad.element.number)
            value = self._refusing.withholding.letter(bad.message.topic, bad.element.value)
            self._producer.send_raw(topic, value, key=bad.message.key, headers=headers)
        if poison:
            self._producer.flush()
        for bad in poison:
            self._operations.dead_letters.labels(bad.message.topic).inc()

    def _insert(self, rows: list[Row], epoch: int) -> bool:
        """Insert while the partitions are this member's; return whether it was to the end."""
        for block in blocks_of(rows):
            if not self._consumer.holds(epoch):
                return False
            self._tables.insert(block)
            self._operations.rows.labels(block.table).inc(len(block.rows))
        return self._consumer.holds(epoch)


def _size(messages: list[Message]) -> int:
    return sum(len(message.value or b"") for message in messages)
