"""One round of the sink, cut off at each of its numbered effects, against the real parts."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry

from schemas.settings import Settings
from services.clients.bus.consumer import Consumer
from services.clients.bus.producer import Producer
from services.clients.warehouse.client import WarehouseDown
from services.privacy.policies import Policies
from services.sink.blocks import Block
from services.sink.exactly_once import Delivery
from services.sink.operations import Operations
from services.sink.poison import PoisonLimit
from services.sink.table_store import TableStore
from services.sink.withholding import Refusing, Withholding
from tests.fixtures.broker import Broker
from tests.fixtures.waiting import until
from tests.services.sink.sinks import count, requested, responded

pytestmark = [pytest.mark.broker, pytest.mark.warehouse]

TOPICS = ("inference.requested.v1", "inference.responded.v1")
Round = Callable[[], int]


class ForgetfulConsumer(Consumer):
    """Dies before each commit, as far as the group can tell."""

    def commit(self) -> None:
        """Commit nothing."""


class CutOffStore(TableStore):
    """Its connection is cut once, after the insert was sent, so that the outcome is unknown."""

    cut = False

    def insert(self, block: Block) -> None:
        """Store the block; the first time, say that the warehouse is down."""
        super().insert(block)
        if not self.cut:
            self.cut = True
            raise WarehouseDown("cut off after sending")


@pytest.fixture(scope="module")
def settings(broker: Broker, warehouse_environment: dict[str, str]) -> Settings:
    return Settings.from_environment({**warehouse_environment, **broker.environment})


@contextmanager
def delivering(
    settings: Settings, group: str, consumer: type[Consumer] = Consumer, store: type[TableStore] = TableStore
) -> Iterator[Round]:
    tables = store(settings)
    with (
        closing(tables),
        closing(consumer(settings, group, TOPICS, starts=tables.starts)) as member,
        closing(Producer(settings, group)) as producer,
    ):
        operations = Operations(CollectorRegistry())
        yield Delivery(
            member,
            producer,
            tables,
            now=lambda: datetime.now(UTC),
            operations=operations,
            refusing=Refusing(PoisonLimit(()), Withholding(Policies((), settings.data))),
        ).round


def send(settings: Settings, prefix: str, numbers: range) -> None:
    with closing(Producer(settings, "test")) as producer:
        for number in numbers:
            producer.send(requested(f"{prefix}-{number}"))
            producer.send(responded(f"{prefix}-{number}"))
        producer.flush()


def until_stored(settings: Settings, round_: Round, prefix: str, wanted: int) -> None:
    def after_a_round() -> tuple[int, int]:
        with suppress(WarehouseDown):
            round_()
        return stored(settings, prefix)

    until(after_a_round, lambda both: both >= (wanted, wanted))


def stored(settings: Settings, prefix: str) -> tuple[int, int]:
    where = f"request_id LIKE '{prefix}-%'"
    return count(settings, "requests", where), count(settings, "responses", where)


def test_what_was_inserted_but_not_committed_is_not_inserted_again(settings: Settings) -> None:
    send(settings, "uncommitted", range(100))
    with delivering(settings, "d1", consumer=ForgetfulConsumer) as round_:
        until_stored(settings, round_, "uncommitted", 100)
    send(settings, "uncommitted", range(100, 130))
    with delivering(settings, "d1") as round_:
        until_stored(settings, round_, "uncommitted", 130)
    assert stored(settings, "uncommitted") == (130, 130)


def test_an_insert_of_unknown_outcome_is_neither_lost_nor_repeated(settings: Settings) -> None:
    send(settings, "cut", range(100))
    with delivering(settings, "d2", store=CutOffStore) as round_:
        until_stored(settings, round_, "cut", 100)
    assert stored(settings, "cut") == (100, 100)


def test_a_round_without_messages_stores_nothing_and_ends(settings: Settings) -> None:
    with delivering(settings, "d3") as round_:
        until(round_, lambda messages: messages == 0)
        assert round_() == 0
