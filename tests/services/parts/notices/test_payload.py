import json

from services.parts.notices.payload import console_line, webhook_body
from tests.services.alerting.builders import alert


def test_body_is_what_receivers_of_alertmanager_expect() -> None:
    body = json.loads(webhook_body([alert()], "on-call", "http://localhost:18501"))
    assert set(body) == {
        "version", "groupKey", "truncatedAlerts", "status", "receiver", "groupLabels", "commonLabels",
        "commonAnnotations", "externalURL", "alerts",
    }  # fmt: skip
    assert (body["version"], body["status"], body["receiver"]) == ("4", "firing", "on-call")
    (one,) = body["alerts"]
    assert one["labels"]["alertname"] == "accuracy-drop"
    assert one["labels"]["adapter_version"] == "prompt-guard-v1"
    assert one["startsAt"] == "2026-01-31T12:00:00.000Z"
    assert one["endsAt"] == "0001-01-01T00:00:00Z"
    assert one["annotations"]["alert_id"] == "alert-1"


def test_a_resolution_ends_and_keeps_the_fingerprint() -> None:
    firing, resolved = (
        json.loads(webhook_body([made], "on-call", ""))["alerts"][0] for made in (alert(), alert(state="resolved"))
    )
    assert resolved["endsAt"] == "2026-01-31T12:00:20.000Z"
    assert firing["fingerprint"] == resolved["fingerprint"]


def test_console_says_it_in_one_line() -> None:
    assert console_line(alert()) == (
        "ALERT firing [critical] accuracy-drop on prompt-guard (prompt-guard-v1): feedback.accuracy = 0.61, below 0.85"
    )


def test_a_digest_says_in_common_what_all_have_and_lists_each() -> None:
    body = json.loads(webhook_body([alert(state="resolved"), alert("alert-2", severity="warning")], "on-call", ""))
    assert (body["status"], len(body["alerts"])) == ("firing", 2)
    assert body["groupLabels"] == {"alertname": "accuracy-drop", "app": "prompt-guard"}
    assert "severity" not in body["commonLabels"]
    assert "alert_id" not in body["commonAnnotations"]
