"""Alerts as Alertmanager's webhook (version 4) would say them, so that its receivers understand ours."""

import hashlib
import json
from collections.abc import Iterable, Sequence

from schemas.codec import to_rfc3339
from schemas.observations import AlertChanged
from services.parts.notices.drill import is_drill

_NOT_ENDED = "0001-01-01T00:00:00Z"


def webhook_body(alerts: Sequence[AlertChanged], subscription: str, external_url: str) -> bytes:
    """Return the JSON of one alert or of a digest of many, the same bytes for the same alerts."""
    labels, annotations = _common(map(labels_of, alerts)), _common(map(annotations_of, alerts))
    group = {name: labels[name] for name in ("alertname", "app") if name in labels}
    key = ",".join(f'{name}="{value}"' for name, value in group.items())
    document = {
        "version": "4",
        "groupKey": f"{{}}:{{{key}}}",
        "truncatedAlerts": 0,
        "status": "firing" if any(alert.state == "firing" for alert in alerts) else "resolved",
        "receiver": subscription,
        "groupLabels": group,
        "commonLabels": labels,
        "commonAnnotations": annotations,
        "externalURL": external_url,
        "alerts": [_document(alert, external_url) for alert in alerts],
    }
    return json_bytes(document)


def json_bytes(document: object) -> bytes:
    """Return a document's JSON, the same bytes for equal documents."""
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


def _document(alert: AlertChanged, external_url: str) -> dict[str, object]:
    return {
        "status": alert.state,
        "labels": labels_of(alert),
        "annotations": annotations_of(alert),
        "startsAt": to_rfc3339(alert.breached_at),
        "endsAt": to_rfc3339(alert.window_end) if alert.state == "resolved" else _NOT_ENDED,
        "generatorURL": external_url,
        "fingerprint": hashlib.sha256(alert.alert_id.encode()).hexdigest()[:16],
    }


def _common(descriptions: Iterable[dict[str, str]]) -> dict[str, str]:
    first, *others = descriptions
    return {name: value for name, value in first.items() if all(other.get(name) == value for other in others)}


def labels_of(alert: AlertChanged) -> dict[str, str]:
    """Return what tells an alert from others; those of a breach are those of its resolution."""
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


def annotations_of(alert: AlertChanged) -> dict[str, str]:
    """Return what is said about an alert."""
    return {
        "summary": alert.summary or console_line(alert),
        "alert_id": alert.alert_id,
        "value": "" if alert.value is None else f"{alert.value:.6g}",
        "threshold": f"{alert.comparison} {alert.threshold:g}",
        "count": str(alert.count),
    }
