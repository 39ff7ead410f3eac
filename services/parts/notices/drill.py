"""A test alert: travels and is signed like a real one, and says in its labels and its text that it is none."""

from datetime import datetime
from typing import Literal

from schemas.configuration import Subscription
from schemas.ids import derived_id
from schemas.observations import AlertChanged

# No monitor can watch it: it is no metric of the catalogue.
METRIC = "driftloop.test"
_SEVERITIES: tuple[Literal["info", "warning", "critical"], ...] = ("info", "warning", "critical")


def drill(subscription: Subscription, app: str, *, drill_id: str, at: datetime) -> tuple[AlertChanged, AlertChanged]:
    """Return a test alert and its resolution, which closes what the first may have opened at the receiver.

    Its severity is the mildest that the subscription hears of.

    Raises:
        ValueError: It hears of none.
    """
    severity = next((level for level in _SEVERITIES if level in subscription.severities), None)
    if severity is None:
        raise ValueError("its severities are empty, so it hears of nothing")
    firing, resolved = (
        AlertChanged(
            event_id=derived_id("drill", drill_id, state),
            occurred_at=at,
            app=app,
            alert_id=drill_id,
            monitor="driftloop-test",
            state=state,
            severity=severity,
            metric=METRIC,
            comparison="above",
            threshold=0.0,
            value=None,
            count=0,
            breached_at=at,
            window_end=at,
            summary="TEST, sent by `driftloop check --probe`: nothing is wrong and nothing needs to be done",
        )
        for state in ("firing", "resolved")
    )
    return firing, resolved


def is_drill(alert: AlertChanged) -> bool:
    """Tell whether an alert is a test alert."""
    return alert.metric == METRIC
