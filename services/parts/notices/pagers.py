"""Alerts as on-call systems take them: Alertmanager's API v2 and PagerDuty's Events API v2.

Sources: api/v2/openapi.yaml of prometheus/alertmanager; developer.pagerduty.com, Events API v2.
"""

from collections.abc import Sequence

from schemas.codec import to_rfc3339
from schemas.observations import AlertChanged
from services.parts.notices.payload import annotations_of, console_line, labels_of

PAGERDUTY_URL = "https://events.pagerduty.com/v2/enqueue"
_LONGEST_SUMMARY = 1024


def alertmanager_alerts(alerts: Sequence[AlertChanged], external_url: str) -> list[dict[str, object]]:
    """Return the body of POST /api/v2/alerts. A firing alert has no end, so Alertmanager gives it its own."""
    return [
        {
            "labels": labels_of(alert),
            "annotations": annotations_of(alert),
            "startsAt": to_rfc3339(alert.breached_at),
            "generatorURL": external_url,
            **({"endsAt": to_rfc3339(alert.occurred_at)} if alert.state == "resolved" else {}),
        }
        for alert in alerts
    ]


def pagerduty_event(alert: AlertChanged, routing_key: str, external_url: str) -> dict[str, object]:
    """Return one event; `dedup_key` is the alert's id, so what is told twice is one incident."""
    return {
        "routing_key": routing_key,
        "event_action": "trigger" if alert.state == "firing" else "resolve",
        "dedup_key": alert.alert_id,
        "client": "driftloop",
        "client_url": external_url,
        "payload": {
            "summary": console_line(alert)[:_LONGEST_SUMMARY],
            "source": alert.app,
            "severity": alert.severity,
            "timestamp": to_rfc3339(alert.breached_at),
            "component": alert.monitor,
            "class": alert.metric,
            "custom_details": {**labels_of(alert), **annotations_of(alert)},
        },
    }
