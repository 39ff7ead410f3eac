from datetime import timedelta

from msgspec.structs import replace

from services.alerting.subscriptions import MAX_ATTEMPTS, repeat_at, retry_after, wants
from tests.services.alerting.builders import WEBHOOK, alert, at


def test_a_subscription_hears_of_its_apps_and_severities_only() -> None:
    assert wants(WEBHOOK, alert())
    assert not wants(WEBHOOK, alert(severity="info"))
    assert not wants(replace(WEBHOOK, apps=("another",)), alert())
    assert wants(replace(WEBHOOK, apps=("prompt-guard",)), alert())


def test_retries_back_off_and_end() -> None:
    waits = [retry_after(attempts) for attempts in range(1, MAX_ATTEMPTS + 1)]
    assert waits[:4] == [timedelta(seconds=s) for s in (1, 2, 4, 8)]
    assert max(wait for wait in waits if wait) <= timedelta(minutes=1)
    assert waits[-1] is None


def test_only_firing_alerts_of_repeating_subscriptions_are_told_again() -> None:
    repeating = replace(WEBHOOK, repeat_after="5m")
    assert repeat_at(repeating, alert(), at(0)) == at(300)
    assert repeat_at(repeating, alert(state="resolved"), at(0)) is None
    assert repeat_at(WEBHOOK, alert(), at(0)) is None
