"""From rows of the loop's tables to the chains that the Loop page tells. Pure: frames in, values out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
import pandas as pd

Row = Mapping[str, Any]
Tone = Literal["breach", "act", "good", "bad"]


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened, and the row that proves it.

    Attributes:
        table: Where the evidence stands.
        evidence: The row's telling fields.
    """

    at: datetime
    title: str
    detail: str
    tone: Tone
    table: str
    evidence: Row


@dataclass(frozen=True, slots=True)
class Chain:
    """What belongs together, from what set it off to where it ended; steps are in order of time."""

    key: str
    title: str
    steps: tuple[Step, ...]

    @property
    def began(self) -> datetime:
        """When the first step happened."""
        return self.steps[0].at

    @property
    def outcome(self) -> Tone:
        """The tone of the last step."""
        return self.steps[-1].tone

    @property
    def duration(self) -> timedelta:
        """From first step to last."""
        return self.steps[-1].at - self.steps[0].at


@dataclass(frozen=True, slots=True)
class Rows:
    """The loop's tables of one app, oldest rows first."""

    alerts: pd.DataFrame
    deliveries: pd.DataFrame
    retrainings: pd.DataFrame
    training_changes: pd.DataFrame
    adapters: pd.DataFrame
    orders: pd.DataFrame
    rollouts: pd.DataFrame
    proposals: pd.DataFrame = field(default_factory=pd.DataFrame)


def chains(rows: Rows) -> tuple[Chain, ...]:
    """Return all chains, the newest first: one for each ordered or proposed version, one for each other alert."""
    adapters = records(rows.adapters)
    found = [_retraining_chain(rows, order, adapters) for order in records(rows.retrainings)]
    retrained = {lineage_of(adapter).get("retraining_id") for adapter in adapters}
    orders = {order["retraining_id"] for order in records(rows.retrainings)}
    found += [
        _proposal_chain(rows, adapter)
        for adapter in adapters
        if lineage_of(adapter).get("retraining_id") not in orders & retrained
    ]
    ordered = {order["alert_id"] for order in records(rows.retrainings)}
    found += _alert_chains(rows, ordered)
    return tuple(sorted((chain for chain in found if chain.steps), key=lambda chain: chain.began, reverse=True))


def lineage_of(adapter: Row) -> dict[str, Any]:
    """Return the lineage that an adapters row holds as JSON."""
    return dict(msgspec.json.decode(adapter["lineage"]))


def records(frame: pd.DataFrame) -> list[Row]:
    """Return the rows of a frame as mappings."""
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def _of(frame: pd.DataFrame, column: str, value: str) -> list[Row]:
    return [row for row in records(frame) if row[column] == value]


def _chain(key: str, title: str, steps: Iterable[Step]) -> Chain:
    return Chain(key, title, tuple(sorted(steps, key=lambda step: step.at)))


def _retraining_chain(rows: Rows, order: Row, adapters: list[Row]) -> Chain:
    made = [a for a in adapters if lineage_of(a).get("retraining_id") == order["retraining_id"]]
    steps = _alert_steps(rows, order["alert_id"]) if order["alert_id"] else []
    by = order["monitor"] or order["requested_by"]
    steps.append(_step(order, "Retraining ordered", f"by {by}", "act", "retrainings"))
    steps += _training_steps(rows, order["retraining_id"])
    for adapter in made:
        steps += _version_steps(rows, adapter)
    name = made[-1]["adapter_version"] if made else "next version"
    return _chain(order["retraining_id"], f"{name}, ordered by {by}", steps)


def _proposal_chain(rows: Rows, adapter: Row) -> Chain:
    proposed = [
        _step(row, "Adapter proposed", f"by {row['proposed_by']}: {row['reason']}", "act", "adapter_proposals")
        for row in records(rows.proposals)
        if row["proposal_id"] == adapter["job_id"]
    ]
    return _chain(
        adapter["job_id"], f"{adapter['adapter_version']}, proposed", [*proposed, *_version_steps(rows, adapter)]
    )


def _alert_chains(rows: Rows, ordered: set[str]) -> list[Chain]:
    firing = [a for a in records(rows.alerts) if a["state"] == "firing" and a["alert_id"] not in ordered]
    return [
        _chain(a["alert_id"], f"{a['monitor']} on {_version(a)}", _alert_steps(rows, a["alert_id"])) for a in firing
    ]


def _alert_steps(rows: Rows, alert_id: str) -> list[Step]:
    steps = []
    for row in _of(rows.alerts, "alert_id", alert_id):
        firing = row["state"] == "firing"
        value: str = "no data" if pd.isna(row["value"]) else f"{row['value']:.3g}"
        detail = f"{row['metric']} of {_version(row)} is {value}, wanted not {row['comparison']} {row['threshold']:g}"
        title = f"{'Breach' if firing else 'Recovered'}: {row['monitor']}"
        steps.append(_step(row, title, detail, "breach" if firing else "good", "alerts"))
    for row in _of(rows.deliveries, "alert_id", alert_id):
        told = f"{row['alert_state']} told to {row['subscription']} by {row['channel']}"
        detail = told if row["delivered"] else f"{told} failed: {row['error']}"
        title = "Alert delivered" if row["delivered"] else "Alert not delivered"
        steps.append(_step(row, title, detail, "act" if row["delivered"] else "bad", "alert_deliveries"))
    return steps


def _training_steps(rows: Rows, retraining_id: str) -> list[Step]:
    titles = {
        "declined": "Retraining declined",
        "curating": "Data curated",
        "training": "Training",
        "evaluating": "Candidate and incumbent compared",
        "failed": "Training failed",
    }
    last = {str(row["state"]): row for row in _of(rows.training_changes, "retraining_id", retraining_id)}
    return [
        _step(
            row,
            titles[state],
            _training_detail(row),
            "bad" if state in ("failed", "declined") else "act",
            "training_changes",
        )
        for state, row in last.items()
        if state in titles
    ]


def _training_detail(row: Row) -> str:
    if row["state"] != "training":
        return str(row["detail"])
    loss: str = "" if pd.isna(row["loss"]) else ", loss {:.3f}".format(row["loss"])
    return f"step {row['step']} of {row['steps']}{loss}"


def _version_steps(rows: Rows, adapter: Row) -> list[Step]:
    report = msgspec.json.decode(adapter["gate"])
    verdict = "passed" if report["passed"] else "refused"
    tone: Tone = "good" if report["passed"] else "bad"
    reason = "; ".join(report["reasons"][:2])
    steps = [_step(adapter, f"Gate {verdict} {adapter['adapter_version']}", reason, tone, "adapters")]
    for row in _of(rows.orders, "adapter_version", adapter["adapter_version"]):
        forced = ", past the gate" if row["override_gate"] else ""
        detail = f"{row['action']} by {row['ordered_by']}{forced}: {row['reason']}"
        steps.append(_step(row, "Operator's order", detail, "act", "rollout_orders"))
    steps += [_rollout_step(row) for row in _of(rows.rollouts, "adapter_version", adapter["adapter_version"])]
    return steps


_ROLLOUT_TITLES: dict[str, tuple[str, Tone]] = {
    "loading": ("Loading on every replica", "act"),
    "shadow": ("Shadow", "act"),
    "canary": ("Canary", "act"),
    "promoted": ("Promoted", "good"),
    "rolled_back": ("Rolled back", "bad"),
    "refused": ("Rollout refused", "bad"),
    "failed": ("Rollout failed", "bad"),
}


def _rollout_step(row: Row) -> Step:
    title, tone = _ROLLOUT_TITLES[row["state"]]
    share = next((r["weight"] for r in msgspec.json.decode(row["routes"]) if r["variant"] == "canary"), None)
    if row["state"] == "canary" and share is not None:
        title = f"{title} at {share:.0%}"
    return _step(row, f"{title}: {row['adapter_version']}", row["reason"], tone, "rollouts")


def _step(row: Row, title: str, detail: str, tone: Tone, table: str) -> Step:
    shown = {key: value for key, value in row.items() if key not in ("topic_id", "partition", "offset", "recorded_at")}
    return Step(row["occurred_at"], title, detail, tone, table, shown)


def _version(row: Row) -> str:
    return str(row["adapter_version"]) or "the base model"
