"""A question that waits for its broker."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.clients.bus import patience
from services.clients.bus.errors import BrokerDown
from services.clients.bus.patience import patiently
from services.clients.bus.topics import topic_ids
from tests.fixtures.broker import Broker


@pytest.mark.broker
@pytest.mark.timeout(90)
def test_a_question_put_while_the_broker_is_away_is_answered_when_it_is_back(empty: Broker) -> None:
    empty.stop()
    with ThreadPoolExecutor() as beside:
        asked = beside.submit(patiently, topic_ids, empty.settings)
        time.sleep(2)
        assert not asked.done()
        empty.start()
        assert all(asked.result().values())


def test_a_broker_that_stays_away_is_told_after_some_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "ATTEMPTS", 3)
    monkeypatch.setattr(patience, "_PAUSE_S", 0.01)
    asked = []

    def nobody() -> None:
        asked.append(time.monotonic())
        raise BrokerDown("127.0.0.1:1")

    with pytest.raises(BrokerDown):
        patiently(nobody)
    assert len(asked) == 3
