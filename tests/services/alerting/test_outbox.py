from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from services.alerting.outbox import Outbox
from services.alerting.subscriptions import MAX_ATTEMPTS
from services.clients.store.database import open_store
from tests.services.alerting.builders import CONSOLE, WEBHOOK, alert, at

CHANNELS = {"on-call": "webhook", "terminal": "console"}
FIRING, RESOLVED = alert(), alert(state="resolved")


@pytest.fixture
def outbox(store_url: str) -> Iterator[Outbox]:
    engine = open_store(store_url)
    yield Outbox(engine)
    engine.dispose()


def test_an_alert_that_comes_often_is_told_once_to_each(outbox: Outbox) -> None:
    for _ in range(3):
        outbox.put([FIRING, FIRING], [WEBHOOK, CONSOLE], at(0))
    assert sorted(delivery.subscription for delivery in outbox.due(at(1))) == ["on-call", "terminal"]


def test_what_is_delivered_is_not_due_again_even_if_the_alert_comes_again(outbox: Outbox) -> None:
    outbox.put([FIRING], [WEBHOOK], at(0))
    outbox.delivered(outbox.due(at(0))[0], WEBHOOK, at(1))
    outbox.put([FIRING], [WEBHOOK], at(2))
    assert outbox.due(at(10_000)) == []


def test_a_failed_delivery_is_tried_later_then_given_up_with_its_reason(outbox: Outbox) -> None:
    outbox.put([FIRING], [WEBHOOK], at(0))
    seconds = 0
    for attempt in range(MAX_ATTEMPTS):
        (delivery,) = outbox.due(at(seconds))
        assert delivery.attempts == attempt
        outbox.failed(delivery, "answered 500", at(seconds))
        assert outbox.due(at(seconds)) == []
        seconds += 100
    assert outbox.due(at(10**6)) == []
    (outcome,) = outbox.unannounced(CHANNELS)
    assert (outcome.delivered, outcome.attempts, outcome.error) == (False, MAX_ATTEMPTS, "answered 500")


def test_a_resolution_waits_for_its_breach_and_ends_repetitions(outbox: Outbox) -> None:
    repeating = replace(WEBHOOK, repeat_after="10s")
    outbox.put([FIRING, RESOLVED], [repeating], at(0))
    (first,) = outbox.due(at(0))
    assert first.alert.state == "firing"
    outbox.delivered(first, repeating, at(1))
    (second,) = outbox.due(at(100))
    assert second.alert.state == "resolved"
    outbox.delivered(second, repeating, at(101))
    assert outbox.due(at(10_000)) == []


def test_a_resolution_of_what_was_never_told_is_not_told(outbox: Outbox) -> None:
    outbox.put([RESOLVED], [WEBHOOK], at(0))
    assert outbox.due(at(1)) == []


def test_a_firing_alert_is_told_again_after_its_time_under_another_delivery_id(outbox: Outbox) -> None:
    repeating = replace(WEBHOOK, repeat_after="10s")
    outbox.put([FIRING], [repeating], at(0))
    (first,) = outbox.due(at(0))
    outbox.delivered(first, repeating, at(0))
    assert outbox.due(at(9)) == []
    (again,) = outbox.due(at(10))
    assert again.id != first.id
    outbox.delivered(again, repeating, at(10))
    assert outbox.due(at(19)) == []
    outbox.put([RESOLVED], [repeating], at(19))
    assert [delivery.alert.state for delivery in outbox.due(at(30))] == ["resolved"]


def test_outcomes_are_told_under_the_same_id_until_they_are_marked(outbox: Outbox) -> None:
    outbox.put([FIRING], [WEBHOOK], at(0))
    outbox.delivered(outbox.due(at(0))[0], WEBHOOK, at(1))
    told = outbox.unannounced(CHANNELS)
    assert outbox.unannounced(CHANNELS) == told
    outbox.announced(told)
    assert outbox.unannounced(CHANNELS) == []
