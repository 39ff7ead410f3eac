"""From single rows to the steps of a chain: when, what in a few words, why, and the row that proves it. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from dashboards.rows import Row, canary_share, gate_of
from dashboards.wording import duration, number, share, short, version_name

Tone = Literal["breach", "act", "good", "bad"]
# A drift measured this long before the breach on the same version belongs to the story of the breach.
DRIFT_BEFORE = timedelta(minutes=1)
_JOB_TITLES = {
    "declined": "Retraining declined",
    "curating": "Data curated",
    "training": "Training",
    "evaluating": "Compared with the incumbent",
    "failed": "Training failed",
}
_ROLLOUT_TITLES: dict[str, tuple[str, Tone]] = {
    "held": ("Waits for a person's approval", "act"),
    "loading": ("Loading on every replica", "act"),
    "shadow": ("Shadow", "act"),
    "canary": ("Canary", "act"),
    "promoted": ("Promoted", "good"),
    "rolled_back": ("Rolled back", "bad"),
    "refused": ("Rollout refused", "bad"),
    "failed": ("Rollout failed", "bad"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened.

    Attributes:
        table: Where the evidence stands.
        evidence: The row.
        turn: What the chart calls it when it is a turning point, else empty.
    """

    at: datetime
    title: str
    detail: str
    tone: Tone
    table: str
    evidence: Row
    turn: str = ""


def alert_steps(alerts: Sequence[Row], deliveries: Iterable[Row]) -> list[Step]:
    """Return breach, alert and its end, and who was told."""
    steps = [step for alert in alerts for step in _alert(alert)]
    return steps + [_delivery(row) for row in deliveries]


def drift_steps(drifts: Iterable[Row], alert: Row) -> list[Step]:
    """Return the first measurement that said drift on the alert's version around the breach, if any did."""
    since = alert["breached_at"] - DRIFT_BEFORE
    near = [
        row
        for row in drifts
        if row["adapter_version"] == alert["adapter_version"] and since <= row["occurred_at"] <= alert["occurred_at"]
    ]
    if not near:
        return []
    first = min(near, key=lambda row: row["occurred_at"])
    detail = f"{first['method']} of {first['metric']} is {number(first['value'])}, limit {number(first['threshold'])}"
    return [Step(first["occurred_at"], "Drift measured", detail, "breach", "drift_measurements", first)]


def order_step(order: Row) -> Step:
    """Return the order of a retraining."""
    by = f"by monitor {order['monitor']}" if order["monitor"] else f"by {order['requested_by']}: {order['reason']}"
    return Step(order["occurred_at"], "Retraining ordered", by, "act", "retrainings", order, turn="Retraining ordered")


def proposal_step(proposal: Row) -> Step:
    """Return the proposal of an adapter made elsewhere."""
    detail = f"by {proposal['proposed_by']}: {proposal['reason']}"
    return Step(proposal["occurred_at"], "Adapter proposed", detail, "act", "adapter_proposals", proposal)


def training_steps(changes: Iterable[Row]) -> list[Step]:
    """Return one step for each state of a job, at its last row."""
    last = {str(row["state"]): row for row in changes}
    return [_job_step(row, _JOB_TITLES[state]) for state, row in last.items() if state in _JOB_TITLES]


def version_steps(adapter: Row, orders: Iterable[Row], rollouts: Iterable[Row]) -> list[Step]:
    """Return the gate's word, the operators' orders and the rollout of one version."""
    return [_gate(adapter), *(_order(row) for row in orders), *(_rollout(row) for row in rollouts)]


def _alert(row: Row) -> list[Step]:
    on = version_name(row["adapter_version"])
    if row["state"] == "resolved":
        now = f"{on} answers no more" if row["value"] is None else f"{row['metric']} of {on} is {number(row['value'])}"
        return [Step(row["occurred_at"], f"Alert resolved: {row['monitor']}", now, "good", "alerts", row)]
    value = "without data" if row["value"] is None else number(row["value"])
    detail = f"{row['metric']} of {on} is {value}, {row['comparison']} {number(row['threshold'])}"
    lasted = f"severity {row['severity']}, after {duration(row['occurred_at'] - row['breached_at'])} in breach"
    return [
        Step(row["breached_at"], f"Breach: {row['monitor']}", detail, "breach", "alerts", row, turn="Breach"),
        Step(row["occurred_at"], f"Alert firing: {row['monitor']}", lasted, "breach", "alerts", row),
    ]


def _delivery(row: Row) -> Step:
    told = f"“{row['alert_state']}” to {row['subscription']} by {row['channel']}"
    if row["delivered"]:
        return Step(row["occurred_at"], "Alert delivered", told, "act", "alert_deliveries", row)
    detail = f"{told}, given up after {row['attempts']} attempts: {row['error']}"
    return Step(row["occurred_at"], "Alert not delivered", detail, "bad", "alert_deliveries", row)


def _job_step(row: Row, title: str) -> Step:
    tone: Tone = "bad" if row["state"] == "failed" else "act"
    detail = str(row["detail"])
    if row["state"] == "training" and row["steps"]:
        loss = "" if row["loss"] is None else f", loss {row['loss']:.3f}"
        detail = f"step {row['step']} of {row['steps']}{loss}"
    return Step(row["occurred_at"], title, detail, tone, "training_changes", row)


def _gate(adapter: Row) -> Step:
    report, version = gate_of(adapter), adapter["adapter_version"]
    verdict = "passed" if report.passed else "refused"
    turn = f"{short(version, adapter['app'])} gate {verdict}"
    detail = "; ".join(report.reasons[:3])
    title = f"Gate {verdict}: {version}"
    tone: Tone = "good" if report.passed else "bad"
    return Step(adapter["occurred_at"], title, detail, tone, "adapters", adapter, turn=turn)


def _order(row: Row) -> Step:
    action = {"roll_back": "roll-back", "promote": "promotion"}.get(row["action"], "rollout")
    forced = " past the gate" if row["override_gate"] else ""
    title = f"Operator orders {action}{forced}"
    detail = f"{row['ordered_by']}: {row['reason']}"
    return Step(row["occurred_at"], title, detail, "act", "rollout_orders", row)


def _rollout(row: Row) -> Step:
    title, tone = _ROLLOUT_TITLES[row["state"]]
    if row["state"] == "canary":
        title = f"{title} at {share(canary_share(row))}"
    version = row["adapter_version"]
    turns = row["state"] in ("canary", "promoted", "rolled_back", "failed")
    turn = f"{short(version, row['app'])} {title.replace(' at', '').lower()}" if turns else ""
    return Step(row["occurred_at"], f"{title}: {version}", row["reason"], tone, "rollouts", row, turn=turn)
