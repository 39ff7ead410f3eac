"""A collector whose broker is away: senders wait, nothing that was taken is lost, and it goes on by itself."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from schemas.feedback import FeedbackGiven
from schemas.topics import FEEDBACK_GIVEN
from services.clients.bus.decoding import decoded_elements
from services.clients.bus.producer import Producer
from services.clients.bus.tail import Tail
from tests.fixtures.broker import Broker, chosen_broker
from tests.fixtures.kafka import KafkaNode
from tests.fixtures.waiting import at_least, equals, until
from tests.services.collector.conftest import Start
from tests.services.collector.test_events import LINES, feedback, lines, send

pytestmark = pytest.mark.broker


@pytest.fixture
def away() -> Iterator[Broker | KafkaNode]:
    """A broker that a test starts when it wants to."""
    broker = chosen_broker()
    yield broker
    broker.stop()


def test_senders_wait_while_the_spool_is_full_and_go_on_once_the_broker_is_there(
    away: Broker | KafkaNode, start: Start
) -> None:
    collector = start(producer=lambda: Producer(away.settings, "collector"), spool_bytes=6000, patience_s=0.3)
    taken: list[str] = []
    while send(collector, lines(feedback(len(taken))), LINES).status_code == 202:
        taken.append(f"r-{len(taken)}")
    away.start()
    until(lambda: send(collector, lines(feedback(len(taken))), LINES).status_code, equals(202))
    taken.append(f"r-{len(taken)}")
    assert arrived(away, len(taken)) == taken


def arrived(broker: Broker | KafkaNode, count: int) -> list[str]:
    """Return the requests whose feedback is in the log, sorted as they were sent."""
    found: list[str] = []
    with closing(Tail(broker.settings, [FEEDBACK_GIVEN.name])) as tail:

        def more() -> int:
            for message in tail.poll(0.2):
                found.extend(r.request_id for r in decoded_elements(message) if isinstance(r, FeedbackGiven))
            return len(found)

        until(more, at_least(count))
        assert not tail.poll(0.5)
    return sorted(found, key=lambda name: int(name.removeprefix("r-")))
