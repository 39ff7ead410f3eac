"""Where a chain stands, in one sentence and one badge. Pure: rows in, words out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dashboards.rows import Row, canary_share, gate_of
from dashboards.steps import Tone
from dashboards.wording import duration, number, share, version_name


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a chain stands.

    Attributes:
        title: What happened, as a sentence without its full stop.
        verdict: The badge, e.g. "Promoted: prompt-guard-v2".
        fixed_after: From breach to promotion; None for every other outcome.
        open: More is to come.
    """

    title: str
    verdict: str
    tone: Tone
    fixed_after: timedelta | None = None
    open: bool = False


@dataclass(frozen=True, slots=True)
class Version:
    """What is known of a version in the making or made.

    Attributes:
        cause: What `origin` is the time of, e.g. "the breach".
        training: The last change of its job.
        adapter: Its row once the gate has spoken.
        rollouts: Every rollout of it, oldest change first.
    """

    name: str
    origin: datetime
    cause: str
    training: Row | None
    adapter: Row | None
    rollouts: Sequence[Row]


def outcome_of_version(version: Version) -> Outcome:
    """Return where a version stands."""
    # A refused order changes nothing about a version that is served or was taken back.
    moves = [row for row in version.rollouts if row["state"] != "refused"]
    if moves:
        return _rolled(version, moves)
    if version.adapter is not None:
        return _gated(version, version.adapter)
    return _in_training(version, version.training)


def outcome_of_alert(alerts: Sequence[Row]) -> Outcome:
    """Return where an alert stands, given its changes."""
    last = alerts[-1]
    on = version_name(last["adapter_version"])
    if last["state"] == "resolved":
        after = duration(last["occurred_at"] - last["breached_at"])
        return Outcome(f"{last['monitor']} on {on} resolved after {after}", f"Resolved: {last['monitor']}", "act")
    value = "has no data" if last["value"] is None else f"is {number(last['value'])}"
    return Outcome(f"{last['metric']} of {on} {value}", f"Firing: {last['monitor']}", "breach", open=True)


def _rolled(version: Version, moves: Sequence[Row]) -> Outcome:
    last, name = moves[-1], version.name
    if last["state"] == "promoted":
        after = last["occurred_at"] - version.origin
        fixed = after if version.cause == "the breach" else None
        return Outcome(f"{name} served {duration(after)} after {version.cause}", f"Promoted: {name}", "good", fixed)
    if last["state"] == "rolled_back":
        return Outcome(f"{name} {_taken_back(moves)}", f"Rolled back: {name}", "bad")
    if last["state"] == "failed":
        return Outcome(f"{name} could not be loaded", f"Failed: {name}", "bad")
    at = f" at {share(canary_share(last))}" if last["state"] == "canary" else ""
    return Outcome(f"{name} is in {last['state']}{at}", f"In progress: {last['state']}{at}", "act", open=True)


def _taken_back(moves: Sequence[Row]) -> str:
    end = moves[-1]["occurred_at"]
    promoted = [row for row in moves if row["state"] == "promoted"]
    if promoted:
        return f"taken back {duration(end - promoted[-1]['occurred_at'])} after its promotion"
    steps = [row for row in moves if row["state"] == "canary" and row["rollout_id"] == moves[-1]["rollout_id"]]
    if not steps:
        return "taken back before any user saw it"
    peak = max(canary_share(row) for row in steps)
    up_to = "up to " if len(steps) > 1 else ""
    return f"taken back after {duration(end - steps[0]['occurred_at'])} at {up_to}{share(peak)}"


def _gated(version: Version, adapter: Row) -> Outcome:
    if not gate_of(adapter).passed:
        return Outcome(f"{version.name} refused by the gate", f"Refused: {version.name}", "bad")
    if version.rollouts:
        return Outcome(f"Rollout of {version.name} refused", f"Refused: {version.name}", "bad")
    return Outcome(
        f"{version.name} passed the gate and waits for its rollout", "In progress: waiting", "act", open=True
    )


def _in_training(version: Version, training: Row | None) -> Outcome:
    if training is None:
        return Outcome("A new version is ordered", "In progress: ordered", "act", open=True)
    name = version.name or "the next version"
    if training["state"] == "declined":
        return Outcome(f"Order declined: {training['detail']}", "Declined", "act")
    if training["state"] == "failed":
        return Outcome(f"Training of {name} failed", "Failed: training", "bad")
    progress = f", step {training['step']} of {training['steps']}" if training["steps"] else ""
    doing = training["state"]
    return Outcome(f"{name} in the making: {doing}{progress}", f"In progress: {doing}", "act", open=True)
