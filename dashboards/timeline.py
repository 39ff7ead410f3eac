"""From rows of the loop's tables to the chains that the Loop page tells. Pure: rows in, values out.

A chain is what belongs together by its ids: an order of a version with the alert behind it, the training,
the gate and the rollout; or a proposal with the same; or an alert that ordered nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from dashboards.outcomes import Outcome, Version, outcome_of_alert, outcome_of_version
from dashboards.rows import Row, Rows, lineage_of, where
from dashboards.steps import Step, alert_steps, drift_steps, order_step, proposal_step, training_steps, version_steps


@dataclass(frozen=True, slots=True)
class Chain:
    """What belongs together, from what set it off to where it ended.

    Attributes:
        key: Id of the order, proposal or alert that began it.
        origin: The breach, or the order when no alert is behind it; the zero of its steps' times.
        outcome: Where it stands now, in words.
        steps: In order of time.
        of_version: Whether a version was ordered or proposed; else it is an alert that ordered none.
    """

    key: str
    origin: datetime
    outcome: Outcome
    steps: tuple[Step, ...]
    of_version: bool = True


def chains(rows: Rows) -> tuple[Chain, ...]:
    """Return every chain, the newest first."""
    ordered = {order["alert_id"] for order in rows.retrainings}
    known = {order["retraining_id"] for order in rows.retrainings} | {p["proposal_id"] for p in rows.proposals}
    found = [_of_order(rows, order) for order in rows.retrainings]
    found += [_of_proposal(rows, proposal) for proposal in rows.proposals]
    found += [_of_orphan(rows, a) for a in rows.adapters if not {lineage_of(a).retraining_id, a["job_id"]} & known]
    alert_ids = dict.fromkeys(alert["alert_id"] for alert in rows.alerts)
    found += [_of_alert(rows, alert_id) for alert_id in alert_ids if alert_id not in ordered]
    return tuple(sorted(found, key=lambda chain: chain.origin, reverse=True))


def _of_order(rows: Rows, order: Row) -> Chain:
    alerts = where(rows.alerts, "alert_id", order["alert_id"]) if order["alert_id"] else []
    origin: datetime = alerts[0]["breached_at"] if alerts else order["occurred_at"]
    changes = where(rows.training_changes, "retraining_id", order["retraining_id"])
    made = [a for a in rows.adapters if lineage_of(a).retraining_id == order["retraining_id"]]
    steps = [
        *(drift_steps(rows.drifts, alerts[0]) if alerts else ()),
        *alert_steps(alerts, where(rows.deliveries, "alert_id", order["alert_id"])),
        order_step(order),
        *_making(rows, changes, made),
    ]
    cause = "the breach" if alerts else "it was ordered"
    version = _version(rows, origin=origin, cause=cause, changes=changes, made=made)
    return _chain(order["retraining_id"], origin, outcome_of_version(version), steps)


def _of_proposal(rows: Rows, proposal: Row) -> Chain:
    origin: datetime = proposal["occurred_at"]
    changes = where(rows.training_changes, "job_id", proposal["proposal_id"])
    made = where(rows.adapters, "job_id", proposal["proposal_id"])
    version = _version(rows, origin=origin, cause="it was proposed", changes=changes, made=made)
    steps = [proposal_step(proposal), *_making(rows, changes, made)]
    return _chain(proposal["proposal_id"], origin, outcome_of_version(version), steps)


def _of_orphan(rows: Rows, adapter: Row) -> Chain:
    """Tell of a version whose order is no longer among the rows."""
    origin: datetime = adapter["occurred_at"]
    version = _version(rows, origin=origin, cause="its gate", changes=[], made=[adapter])
    return _chain(adapter["job_id"], origin, outcome_of_version(version), _making(rows, [], [adapter]))


def _of_alert(rows: Rows, alert_id: str) -> Chain:
    alerts = where(rows.alerts, "alert_id", alert_id)
    steps = alert_steps(alerts, where(rows.deliveries, "alert_id", alert_id))
    return _chain(alert_id, alerts[0]["breached_at"], outcome_of_alert(alerts), steps, of_version=False)


def _making(rows: Rows, changes: list[Row], made: list[Row]) -> list[Step]:
    steps = training_steps(changes)
    for adapter in made:
        name = adapter["adapter_version"]
        orders, rollouts = (where(table, "adapter_version", name) for table in (rows.orders, rows.rollouts))
        steps += version_steps(adapter, orders, rollouts)
    return steps


def _version(rows: Rows, *, origin: datetime, cause: str, changes: list[Row], made: list[Row]) -> Version:
    name = made[-1]["adapter_version"] if made else changes[-1]["adapter_version"] if changes else ""
    return Version(
        name=name,
        origin=origin,
        cause=cause,
        training=changes[-1] if changes else None,
        adapter=made[-1] if made else None,
        rollouts=where(rows.rollouts, "adapter_version", name) if made else [],
    )


def _chain(key: str, origin: datetime, outcome: Outcome, steps: Iterable[Step], *, of_version: bool = True) -> Chain:
    return Chain(key, origin, outcome, tuple(sorted(steps, key=lambda step: step.at)), of_version)
