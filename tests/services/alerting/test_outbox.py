from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from services.alerting.outbox import DIGEST_FROM, LARGEST_DIGEST, Outbox
from services.alerting.posts import Post
from services.alerting.subscriptions import GIVE_UP_AFTER
from services.clients.store.database import open_store
from tests.services.alerting.builders import CONSOLE, WEBHOOK, alert, at

CHANNELS = {"on-call": "webhook", "terminal": "console"}
FIRING, RESOLVED = alert(), alert(state="resolved")


@pytest.fixture
def outbox(store_url: str) -> Iterator[Outbox]:
    engine = open_store(store_url)
    yield Outbox(engine)
    engine.dispose()


def _due(outbox: Outbox, seconds: float) -> list[Post]:
    now = at(seconds)
    return [post for name in outbox.listeners(now) for post in outbox.claim(name, now)]


def test_an_alert_that_comes_often_is_told_once_to_each(outbox: Outbox) -> None:
    for _ in range(3):
        outbox.put([FIRING, FIRING], [WEBHOOK, CONSOLE], at(0))
    posts = _due(outbox, 1)
    assert sorted(post.deliveries[0].subscription for post in posts) == ["on-call", "terminal"]
    assert all(len(post.deliveries) == 1 for post in posts)


def test_what_is_delivered_is_not_due_again_even_if_the_alert_comes_again(outbox: Outbox) -> None:
    outbox.put([FIRING], [WEBHOOK], at(0))
    outbox.delivered(_due(outbox, 0)[0], WEBHOOK, at(1))
    outbox.put([FIRING], [WEBHOOK], at(2))
    assert _due(outbox, 10_000) == []


def test_a_failed_delivery_is_tried_for_a_day_then_given_up_with_its_reason(outbox: Outbox) -> None:
    outbox.put([FIRING], [WEBHOOK], at(0))
    day, seconds, attempts = GIVE_UP_AFTER.total_seconds(), 0.0, 0
    while posts := _due(outbox, seconds):
        (post,) = posts
        assert (post.attempts, post.id) == (attempts, post.deliveries[0].id)
        outbox.failed(post, "answered 500", at(seconds))
        assert _due(outbox, seconds) == []
        attempts, seconds = attempts + 1, seconds + 300
    assert day <= seconds - 300 < day + 300
    (outcome,) = outbox.unannounced(CHANNELS)
    assert (outcome.delivered, outcome.attempts, outcome.error) == (False, attempts, "answered 500")


def test_a_day_counts_from_the_repetition_that_failed(outbox: Outbox) -> None:
    repeating, week = replace(WEBHOOK, repeat_after="7d"), 7 * 86_400
    outbox.put([FIRING], [repeating], at(0))
    outbox.delivered(_due(outbox, 0)[0], repeating, at(0))
    outbox.failed(_due(outbox, week)[0], "answered 500", at(week))
    (again,) = _due(outbox, week + 3600)
    outbox.failed(again, "answered 500", at(week + 86_000))
    assert len(_due(outbox, week + 86_399)) == 1


def test_many_alerts_are_one_digest_that_stays_what_it_is_until_it_is_taken(outbox: Outbox) -> None:
    alerts = [alert(f"alert-{number:05d}") for number in range(LARGEST_DIGEST + DIGEST_FROM - 1)]
    outbox.put(alerts, [WEBHOOK], at(0))
    (digest,) = _due(outbox, 0)
    assert len(digest.alerts) == LARGEST_DIGEST
    outbox.put([alert("alert-00000-later")], [WEBHOOK], at(0))
    assert _due(outbox, 0) == [digest]
    outbox.failed(digest, "answered 500", at(0))
    rest = _due(outbox, 0)
    assert len(rest[0].alerts) == DIGEST_FROM
    outbox.delivered(rest[0], WEBHOOK, at(1))
    (again,) = _due(outbox, 1)
    assert (again.id, again.attempts, again.alerts) == (digest.id, 1, digest.alerts)
    outbox.delivered(again, WEBHOOK, at(2))
    assert _due(outbox, 10_000) == []
    told = outbox.unannounced(CHANNELS)
    outbox.announced(told)
    told += outbox.unannounced(CHANNELS)
    assert len({outcome.alert_id for outcome in told}) == len(alerts) + 1


def test_a_resolution_waits_for_its_breach_and_ends_repetitions(outbox: Outbox) -> None:
    repeating = replace(WEBHOOK, repeat_after="10s")
    outbox.put([FIRING, RESOLVED], [repeating], at(0))
    (first,) = _due(outbox, 0)
    assert first.alerts[0].state == "firing"
    outbox.delivered(first, repeating, at(1))
    (second,) = _due(outbox, 100)
    assert second.alerts[0].state == "resolved"
    outbox.delivered(second, repeating, at(101))
    assert _due(outbox, 10_000) == []


def test_a_resolution_of_what_was_never_told_is_not_told(outbox: Outbox) -> None:
    outbox.put([RESOLVED], [WEBHOOK], at(0))
    assert _due(outbox, 1) == []


def test_a_firing_alert_is_told_again_after_its_time_under_another_delivery_id(outbox: Outbox) -> None:
    repeating = replace(WEBHOOK, repeat_after="10s")
    outbox.put([FIRING], [repeating], at(0))
    (first,) = _due(outbox, 0)
    outbox.delivered(first, repeating, at(0))
    assert _due(outbox, 9) == []
    (again,) = _due(outbox, 10)
    assert again.id != first.id
    outbox.delivered(again, repeating, at(10))
    assert _due(outbox, 19) == []
    outbox.put([RESOLVED], [repeating], at(19))
    assert [post.alerts[0].state for post in _due(outbox, 30)] == ["resolved"]


def test_outcomes_are_told_under_the_same_id_until_they_are_marked(outbox: Outbox) -> None:
    outbox.put([FIRING], [WEBHOOK], at(0))
    outbox.delivered(_due(outbox, 0)[0], WEBHOOK, at(1))
    told = outbox.unannounced(CHANNELS)
    assert outbox.unannounced(CHANNELS) == told
    outbox.announced(told)
    assert outbox.unannounced(CHANNELS) == []


def test_what_keeps_an_alert_alive_is_no_new_outcome(outbox: Outbox) -> None:
    alertmanager = replace(WEBHOOK, channel="alertmanager")
    outbox.put([FIRING], [alertmanager], at(0))
    outbox.delivered(_due(outbox, 0)[0], alertmanager, at(0))
    outbox.announced(outbox.unannounced(CHANNELS))
    outbox.delivered(_due(outbox, 120)[0], alertmanager, at(120))
    assert outbox.unannounced(CHANNELS) == []
    assert len(_due(outbox, 240)) == 1


def test_who_takes_one_event_at_a_time_gets_no_digest(outbox: Outbox) -> None:
    outbox.put([alert(f"alert-{number}") for number in range(3 * DIGEST_FROM)], [WEBHOOK], at(0))
    posts = outbox.claim(WEBHOOK.name, at(0), digest=False)
    assert [len(post.deliveries) for post in posts] == [1] * DIGEST_FROM
