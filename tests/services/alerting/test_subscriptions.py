from datetime import timedelta

from msgspec.structs import replace

from services.alerting.subscriptions import LONGEST_PAUSE, pause_after, repeat_at, wants
from tests.services.alerting.builders import WEBHOOK, alert, at


def test_a_subscription_hears_of_its_apps_and_severities_only() -> None:
    assert wants(WEBHOOK, alert())
    assert not wants(WEBHOOK, alert(severity="info"))
    assert not wants(replace(WEBHOOK, apps=("another",)), alert())
    assert wants(replace(WEBHOOK, apps=("prompt-guard",)), alert())


def test_retries_back_off_to_a_bounded_pace() -> None:
    waits = [pause_after(failures) for failures in range(1, 400)]
    assert waits[:4] == [timedelta(seconds=s) for s in (1, 2, 4, 8)]
    assert max(waits) == waits[-1] == LONGEST_PAUSE


def test_only_firing_alerts_of_repeating_subscriptions_are_told_again() -> None:
    repeating = replace(WEBHOOK, repeat_after="5m")
    assert repeat_at(repeating, alert(), at(0)) == at(300)
    assert repeat_at(repeating, alert(state="resolved"), at(0)) is None
    assert repeat_at(WEBHOOK, alert(), at(0)) is None


def test_alertmanager_is_told_again_before_it_takes_an_alert_for_resolved() -> None:
    alertmanager = replace(WEBHOOK, channel="alertmanager", repeat_after="4h")
    assert repeat_at(alertmanager, alert(), at(0)) == at(120)
    assert repeat_at(alertmanager, alert(state="resolved"), at(0)) is None
