"""The events of a change: ids derived from what was decided, so that deciding twice is one alert. Pure."""

from schemas.codec import from_unix_ms, to_unix_ms
from schemas.configuration import Monitor
from schemas.ids import derived_id
from schemas.learning import RetrainingRequested
from schemas.observations import AlertChanged
from schemas.record import Variant
from stream_processors.monitors.firing import Change, Standing, Target


def target_of(alert: AlertChanged) -> Target:
    """Return what an alert is about."""
    return Target(alert.monitor, alert.app, alert.adapter_version, str(alert.variant), alert.tenant)


def standing_of(alert: AlertChanged) -> Standing:
    """Return where an alert leaves its target."""
    return Standing(alert.state, alert.alert_id, to_unix_ms(alert.breached_at), to_unix_ms(alert.window_end))


def alert_changed(monitor: Monitor, target: Target, change: Change) -> AlertChanged:
    """Return the event of a change. It occurred when the window that decided it ended."""
    parts = (target.app, target.adapter_version, target.variant, target.tenant, change.breached_at)
    alert_id = derived_id("alert", target.monitor, *parts)
    threshold = monitor.below if monitor.below is not None else monitor.above
    assert threshold is not None, "a monitor has one of the two"
    decided = from_unix_ms(change.decided.end)
    return AlertChanged(
        event_id=derived_id(alert_id, change.state),
        occurred_at=decided,
        app=target.app,
        adapter_version=target.adapter_version,
        variant=Variant(target.variant),
        tenant=target.tenant,
        alert_id=alert_id,
        monitor=target.monitor,
        state=change.state,
        severity=monitor.severity,
        metric=monitor.metric,
        comparison="above" if monitor.below is None else "below",
        threshold=threshold,
        value=change.decided.value,
        count=change.decided.count,
        breached_at=from_unix_ms(change.breached_at),
        window_end=decided,
        summary=_summary(monitor, change, threshold),
    )


def retraining_requested(alert: AlertChanged) -> RetrainingRequested:
    """Return the order that a firing alert gives; one order an alert."""
    retraining_id = derived_id("retraining", alert.alert_id)
    return RetrainingRequested(
        event_id=derived_id(retraining_id, "requested"),
        occurred_at=alert.occurred_at,
        app=alert.app,
        adapter_version=alert.adapter_version,
        tenant=alert.tenant,
        retraining_id=retraining_id,
        alert_id=alert.alert_id,
        monitor=alert.monitor,
        reason=alert.summary,
    )


def _summary(monitor: Monitor, change: Change, threshold: float) -> str:
    if change.decided.value is None:
        return f"{monitor.metric}: no data any more"
    side = "above" if monitor.below is None else "below"
    interval = change.decided.interval
    sure = f" ({interval[0]:.4g} to {interval[1]:.4g})" if interval else ""
    now = f"{monitor.metric} {change.decided.value:.4g}{sure} over {change.decided.count}"
    if change.state == "resolved":
        return f"{now}, no longer {side} {threshold:g}"
    return f"{now}, {side} {threshold:g} for {monitor.for_} window{'s' * (monitor.for_ > 1)} of {monitor.window}"
