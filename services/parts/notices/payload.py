"""An alert as Alertmanager's webhook (version 4) would say it, so that its receivers understand ours."""

import hashlib
import json

from schemas.codec import to_rfc3339
from schemas.observations import AlertChanged
from services.parts.notices.drill import is_drill

_NOT_ENDED = "0001-01-01T00:00:00Z"


def webhook_body(alert: AlertChanged, subscription: str, external_url: str) -> bytes:
    """Return the JSON of one alert, the same bytes for the same alert."""
    labels, annotations = _labels(alert), _annotations(alert)
    group = {"alertname": alert.monitor, "app": alert.app}
    document = {
        "version": "4",
        "groupKey": f'{{}}:{{alertname="{alert.monitor}",app="{alert.app}"}}',
        "truncatedAlerts": 0,
        "status": alert.state,
        "receiver": subscription,
        "groupLabels": group,
        "commonLabels": labels,
        "commonAnnotations": annotations,
        "externalURL": external_url,
        "alerts": [
            {
                "status": alert.state,
                "labels": labels,
                "annotations": annotations,
                "startsAt": to_rfc3339(alert.breached_at),
                "endsAt": to_rfc3339(alert.window_end) if alert.state == "resolved" else _NOT_ENDED,
                "generatorURL": external_url,
                "fingerprint": hashlib.sha256(alert.alert_id.encode()).hexdigest()[:16],
            }
        ],
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def console_line(alert: AlertChanged) -> str:
    """Return an alert as one line for people."""
    if is_drill(alert):
        return f"TEST ALERT {alert.state} [{alert.severity}] on {alert.app}: {alert.summary}"
    value = "no value" if alert.value is None else f"{alert.value:.4g}"
    version = alert.adapter_version or "the base model"
    return (
        f"ALERT {alert.state} [{alert.severity}] {alert.monitor} on {alert.app} ({version}): {alert.metric} = {value}, "
        f"{alert.comparison} {alert.threshold:g}"
    )


def _labels(alert: AlertChanged) -> dict[str, str]:
    labels = {
        "alertname": alert.monitor,
        "app": alert.app,
        "severity": alert.severity,
        "metric": alert.metric,
        "adapter_version": alert.adapter_version,
        "variant": str(alert.variant),
        "tenant": alert.tenant,
        "test": "true" if is_drill(alert) else "",
    }
    return {name: value for name, value in labels.items() if value}


def _annotations(alert: AlertChanged) -> dict[str, str]:
    return {
        "summary": alert.summary or console_line(alert),
        "alert_id": alert.alert_id,
        "value": "" if alert.value is None else f"{alert.value:.6g}",
        "threshold": f"{alert.comparison} {alert.threshold:g}",
        "count": str(alert.count),
    }
