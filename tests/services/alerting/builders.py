"""Builders of what the alerting tests push in."""

from datetime import UTC, datetime, timedelta
from typing import Literal

from schemas.configuration import Subscription
from schemas.observations import AlertChanged

START = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
WEBHOOK = Subscription(name="on-call", channel="webhook", url="http://127.0.0.1:9/alerts", secret_env="SECRET")
CONSOLE = Subscription(name="terminal", channel="console")


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def alert(
    alert_id: str = "alert-1",
    state: Literal["firing", "resolved"] = "firing",
    *,
    severity: Literal["info", "warning", "critical"] = "critical",
    occurred_at: datetime = START,
) -> AlertChanged:
    return AlertChanged(
        event_id=f"{alert_id}-{state}",
        occurred_at=occurred_at,
        app="prompt-guard",
        model="tiny",
        adapter_version="prompt-guard-v1",
        alert_id=alert_id,
        monitor="accuracy-drop",
        state=state,
        severity=severity,
        metric="feedback.accuracy",
        comparison="below",
        threshold=0.85,
        value=0.61,
        count=90,
        breached_at=occurred_at,
        window_end=occurred_at + timedelta(seconds=20),
    )
